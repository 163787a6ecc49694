#include "libs/control/redis/item_board.h"

#include <chrono>
#include <cstring>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "control_scripts.inc"
#include "libs/base/absl_view.h"
#include "libs/base/await.h"
#include "libs/base/random.h"
#include "libs/base/status_macros.h"

namespace quotaplane {
namespace {

constexpr std::string_view kHead = "{quotaplane}control";
constexpr std::string_view kItems = "{quotaplane}control/items";
constexpr std::string_view kMarks = "{quotaplane}control/marks";
constexpr std::string_view kOrder = "{quotaplane}control/order";
constexpr std::string_view kReplicas = "{quotaplane}control/replicas";
constexpr std::string_view kSeen = "{quotaplane}control/seen";

constexpr std::string_view kReadItems = "500";
constexpr std::string_view kReadBytes = "4194304";
constexpr size_t kNumberBytes = 8;
constexpr int kReportFields = 6;

redis::SteadyTime SteadyDeadline(absl::Time deadline) {
  return std::chrono::steady_clock::now() + absl::ToChronoNanoseconds(deadline - absl::Now());
}

absl::Status Broken(std::string_view what) {
  return absl::DataLossError(absl::StrCat("the board of control items: ", AbslView(what)));
}

std::string ValueOf(const ControlItem& item) {
  std::string value;
  value.reserve(kNumberBytes + item.body.size());
  for (size_t i = 0; i < kNumberBytes; ++i) {
    value.push_back(static_cast<char>(static_cast<uint64_t>(item.number) >> (8 * i)));
  }
  value += item.body;
  return value;
}

absl::StatusOr<ControlItem> ItemOf(std::string name, std::string_view value) {
  if (value.size() < kNumberBytes) return Broken("an item without a number");
  uint64_t number = 0;
  for (size_t i = 0; i < kNumberBytes; ++i) {
    number |= uint64_t{static_cast<unsigned char>(value[i])} << (8 * i);
  }
  return ControlItem{std::move(name), static_cast<int64_t>(number),
                     std::string(value.substr(kNumberBytes))};
}

template <typename Number>
absl::Status ReadNumber(const std::string& text, Number* number) {
  if (!absl::SimpleAtoi(text, number)) return Broken("not a number");
  return absl::OkStatus();
}

// Of a reply that has the numbers in its elements 1 to 4.
absl::StatusOr<BoardHead> HeadOf(const std::string& epoch, const redis::Reply& reply) {
  if (reply.elements.size() != 5) return Broken("its head");
  BoardHead head;
  head.epoch = epoch;
  head.complete = reply.elements[1].text == "1";
  QP_RETURN_IF_ERROR(ReadNumber(reply.elements[2].text, &head.last));
  QP_RETURN_IF_ERROR(ReadNumber(reply.elements[3].text, &head.published));
  QP_RETURN_IF_ERROR(ReadNumber(reply.elements[4].text, &head.sum));
  return head;
}

absl::StatusOr<ReplicaReport> ReportOf(const std::string& replica, const std::string& seen,
                                       const std::string& text) {
  ReplicaReport report;
  report.replica = replica;
  const std::vector<std::string> fields = absl::StrSplit(text, ' ');
  if (fields.size() < kReportFields) return Broken("a replica's report");
  report.epoch = fields[0];
  QP_RETURN_IF_ERROR(ReadNumber(seen, &report.seen_us));
  QP_RETURN_IF_ERROR(ReadNumber(fields[1], &report.position));
  QP_RETURN_IF_ERROR(ReadNumber(fields[2], &report.number));
  QP_RETURN_IF_ERROR(ReadNumber(fields[3], &report.keys));
  QP_RETURN_IF_ERROR(ReadNumber(fields[4], &report.orgs));
  QP_RETURN_IF_ERROR(ReadNumber(fields[5], &report.rejected));
  // Replicas of earlier versions say nothing of it.
  if (fields.size() > kReportFields &&
      !absl::Base64Unescape(fields[kReportFields], &report.conditions)) {
    return Broken("a replica's report");
  }
  return report;
}

}  // namespace

ItemBoardScripts::ItemBoardScripts()
    : begin(std::string(kBegin)),
      add(std::string(kAdd)),
      read(std::string(kRead)),
      report(std::string(kReport)),
      reports(std::string(kReports)) {}

std::vector<const redis::Script*> ItemBoardScripts::all() const {
  return {&begin, &add, &read, &report, &reports};
}

const ItemBoardScripts& GetItemBoardScripts() {
  static const ItemBoardScripts* const kScripts = new ItemBoardScripts;
  return *kScripts;
}

absl::StatusOr<redis::Reply> RedisItemBoard::Run(const redis::Script& script,
                                                 const std::vector<std::string_view>& keys,
                                                 const std::vector<std::string_view>& args,
                                                 absl::Time deadline) {
  return Await<redis::Reply>([&](redis::Callback done) {
    client_->RunScript(script, keys, args, SteadyDeadline(deadline), std::move(done));
  });
}

absl::StatusOr<BoardHead> RedisItemBoard::Head(absl::Time deadline) {
  QP_ASSIGN_OR_RETURN(
      const redis::Reply reply, Await<redis::Reply>([&](redis::Callback done) {
        client_->Call(kHead, {"HMGET", kHead, "epoch", "complete", "last", "published", "sum"},
                      SteadyDeadline(deadline), std::move(done));
      }));
  if (reply.elements.empty() || reply.elements[0].text.empty()) return BoardHead();
  return HeadOf(reply.elements[0].text, reply);
}

absl::StatusOr<std::string> RedisItemBoard::Begin(const std::string& epoch, absl::Time deadline) {
  const Digest random = RandomDigest();
  const std::string fresh = absl::BytesToHexString(AbslView(random.view()));
  QP_ASSIGN_OR_RETURN(
      redis::Reply reply,
      Run(GetItemBoardScripts().begin, {kHead, kItems, kMarks, kOrder}, {epoch, fresh}, deadline));
  return std::move(reply.text);
}

absl::StatusOr<BoardHead> RedisItemBoard::Add(const std::string& epoch, const Put& put,
                                              absl::Time deadline) {
  struct Texts {
    std::string number, check, value;
  };
  std::vector<Texts> texts;
  texts.reserve(put.items.size());
  const std::string from = absl::StrCat(put.from);
  const std::string to = absl::StrCat(put.to);
  const std::string if_sum = put.if_sum.has_value() ? absl::StrCat(*put.if_sum) : "";
  std::vector<std::string_view> args{epoch, from, to, if_sum, put.complete ? "1" : "0"};
  for (const ControlItem& item : put.items) {
    texts.push_back({absl::StrCat(item.number), absl::StrCat(ItemCheck(item.name, item.number)),
                     ValueOf(item)});
    const Texts& own = texts.back();
    args.insert(args.end(), {item.name, own.number, own.check, own.value});
  }
  QP_ASSIGN_OR_RETURN(
      const redis::Reply reply,
      Run(GetItemBoardScripts().add, {kHead, kItems, kMarks, kOrder}, args, deadline));
  if (reply.elements.empty()) return Broken("an answer");
  if (reply.elements[0].integer != 0) {
    return absl::AbortedError("the board of control items is another by now");
  }
  return HeadOf(epoch, reply);
}

absl::StatusOr<BoardPage> RedisItemBoard::Read(const std::string& epoch, int64_t after_position,
                                               absl::Time deadline) {
  const std::string position = absl::StrCat(after_position);
  QP_ASSIGN_OR_RETURN(redis::Reply reply, Run(GetItemBoardScripts().read, {kHead, kItems, kOrder},
                                              {epoch, position, kReadItems, kReadBytes}, deadline));
  if (reply.type == redis::Reply::Type::kNil) {
    return absl::AbortedError("the board of control items has another epoch");
  }
  BoardPage page;
  if (reply.elements.size() % 2 != 1) return Broken("a page");
  QP_RETURN_IF_ERROR(ReadNumber(reply.elements[0].text, &page.position));
  for (size_t i = 1; i < reply.elements.size(); i += 2) {
    QP_ASSIGN_OR_RETURN(ControlItem item,
                        ItemOf(std::move(reply.elements[i].text), reply.elements[i + 1].text));
    page.items.push_back(std::move(item));
  }
  return page;
}

absl::Status RedisItemBoard::Report(const ReplicaReport& report, absl::Time deadline) {
  const std::string text =
      absl::StrCat(report.epoch, " ", report.position, " ", report.number, " ", report.keys, " ",
                   report.orgs, " ", report.rejected, " ",
                   absl::Base64Escape(report.conditions.substr(0, kMaxReportedConditions)));
  return Run(GetItemBoardScripts().report, {kReplicas, kSeen}, {report.replica, text}, deadline)
      .status();
}

absl::StatusOr<std::vector<ReplicaReport>> RedisItemBoard::Reports(absl::Time deadline) {
  QP_ASSIGN_OR_RETURN(const redis::Reply reply,
                      Run(GetItemBoardScripts().reports, {kReplicas, kSeen}, {}, deadline));
  std::vector<ReplicaReport> reports;
  for (size_t i = 0; i + 2 < reply.elements.size(); i += 3) {
    QP_ASSIGN_OR_RETURN(
        ReplicaReport report,
        ReportOf(reply.elements[i].text, reply.elements[i + 1].text, reply.elements[i + 2].text));
    reports.push_back(std::move(report));
  }
  return reports;
}

}  // namespace quotaplane
