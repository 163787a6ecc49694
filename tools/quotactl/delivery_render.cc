#include "tools/quotactl/delivery_render.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tools/quotactl/alert_words.h"
#include "tools/quotactl/policy_render.h"
#include "tools/terminal/format.h"
#include "tools/terminal/table.h"

namespace quotaplane::quotactl {
namespace {

using terminal::Align;
using terminal::Cell;
using terminal::FormatCount;
using terminal::FormatMoment;
using terminal::OneLine;
using terminal::Style;
using terminal::Table;
using terminal::Tone;

absl::Time TimeOf(const google::protobuf::Timestamp& time) {
  return absl::FromUnixSeconds(time.seconds()) + absl::Nanoseconds(time.nanos());
}

Cell StateCell(const v1::Silence& silence, absl::Time now) {
  return Holds(silence, now) ? Cell("holds", Tone::kGood) : Cell("ended", Tone::kFaint);
}

std::string OwnerWords(const std::string& org) { return org.empty() ? "the deployment" : org; }

// "A-17, A-18 and 9,980 more"
std::string AlertWords(const v1::Delivery& delivery) {
  const std::string listed = absl::StrJoin(delivery.alert_ids(), ", ");
  const int more = delivery.alerts() - delivery.alert_ids_size();
  if (more <= 0) return listed;
  if (listed.empty()) return FormatCount(more);
  return absl::StrCat(listed, " and ", FormatCount(more), " more");
}

// What `time` is the time of.
const char* TimeLabel(v1::DeliveryState state) {
  switch (state) {
    case v1::DELIVERY_STATE_PENDING:
      return "next attempt";
    case v1::DELIVERY_STATE_DELIVERED:
      return "delivered";
    default:
      return "last attempt";
  }
}

}  // namespace

std::string SilencesAsText(const v1::ListSilencesResponse& response, absl::Time now,
                           const Style& style) {
  if (response.silences().empty()) return "";
  Table table(
      {{"SILENCE"}, {"STATE"}, {"MATCHES"}, {"FROM (UTC)"}, {"UNTIL (UTC)"}, {"BY"}, {"REASON"}});
  for (const v1::Silence& silence : response.silences()) {
    table.AddRow({Cell(silence.silence_id(), Tone::kBold), StateCell(silence, now),
                  OneLine(MatcherWords(silence)),
                  TimeWords(silence.has_start_time(), silence.start_time()),
                  TimeWords(silence.has_end_time(), silence.end_time()),
                  OneLine(silence.created_by()), OneLine(silence.reason())});
  }
  return absl::StrCat(table.Render(style), MoreWords(response.next_page_token()));
}

std::string SilenceAsText(const v1::Silence& silence, absl::Time now, const Style& style) {
  Table table({{""}, {""}});
  table.AddRow({"state", StateCell(silence, now)});
  for (const v1::AlertMatcher& matcher : silence.matchers()) {
    table.AddRow({"match", OneLine(absl::StrCat(matcher.name(), "=", matcher.glob()))});
  }
  table.AddRow({"until", FormatMoment(TimeOf(silence.end_time()), now)});
  table.AddRow({"reason", OneLine(silence.reason())});
  table.AddRow({"by", OneLine(absl::StrCat(silence.created_by(), ", ",
                                           FormatMoment(TimeOf(silence.start_time()), now)))});
  if (!silence.ended_by().empty()) table.AddRow({"ended by", OneLine(silence.ended_by())});
  return absl::StrCat(style.Paint(Tone::kBold, absl::StrCat("Silence ", silence.silence_id())),
                      " of ", OwnerWords(silence.org()), "\n", table.Render(style, "  "));
}

std::string DeliveriesAsText(const v1::ListDeliveriesResponse& response, const Style& style) {
  if (response.deliveries().empty()) return "";
  // The time is that of the next attempt, of the delivery, or of the last attempt: as the state is.
  Table table({{"DELIVERY", Align::kRight},
               {"STATE"},
               {"RECEIVER"},
               {"ATTEMPTS", Align::kRight},
               {"MADE (UTC)"},
               {"NEXT OR LAST (UTC)"},
               {"ALERTS"},
               {"ERROR"}});
  for (const v1::Delivery& delivery : response.deliveries()) {
    table.AddRow({absl::StrCat(delivery.delivery_id()),
                  Cell(Word(delivery.state()), ToneOf(delivery.state())),
                  OneLine(delivery.receiver()), FormatCount(delivery.attempts()),
                  TimeWords(delivery.has_create_time(), delivery.create_time()),
                  TimeWords(delivery.has_time(), delivery.time()), AlertWords(delivery),
                  OneLine(delivery.error())});
  }
  return absl::StrCat(table.Render(style), MoreWords(response.next_page_token()));
}

std::string DeliveryAsText(const v1::Delivery& delivery, absl::Time now, const Style& style) {
  Table table({{""}, {""}});
  table.AddRow({"state", Cell(Word(delivery.state()), ToneOf(delivery.state()))});
  table.AddRow({"receiver", OneLine(delivery.receiver())});
  table.AddRow({"alerts", AlertWords(delivery)});
  table.AddRow({"attempts", FormatCount(delivery.attempts())});
  if (delivery.has_time()) {
    table.AddRow({TimeLabel(delivery.state()), FormatMoment(TimeOf(delivery.time()), now)});
  }
  if (!delivery.error().empty()) table.AddRow({"error", OneLine(delivery.error())});
  return absl::StrCat(style.Paint(Tone::kBold, absl::StrCat("Delivery ", delivery.delivery_id())),
                      " of ", OwnerWords(delivery.org()), "\n", table.Render(style, "  "));
}

std::string TestAsText(const std::string& receiver, const v1::TestDeliveryResponse& response,
                       const Style& style) {
  const std::string took = terminal::FormatLatency(absl::Microseconds(response.took_us()));
  if (response.delivered()) {
    return absl::StrCat(style.Paint(Tone::kGood, "delivered"), ": ", receiver,
                        " has taken the test message, in ", took, ".\n");
  }
  return absl::StrCat(style.Paint(Tone::kBad, "not delivered"), ": ", receiver, ", after ", took,
                      ": ", OneLine(response.error()), "\n");
}

}  // namespace quotaplane::quotactl
