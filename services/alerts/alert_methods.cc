#include "services/alerts/alert_methods.h"

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/types/span.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "services/alerts/alert_actions.h"
#include "services/alerts/alert_convert.h"

namespace quotaplane {
namespace {

constexpr absl::Duration kWatchFor = absl::Minutes(10);
constexpr absl::Duration kWatchPause = absl::Milliseconds(250);
constexpr size_t kWatchRows = 100;
constexpr size_t kOpenAtOnce = 512;
constexpr int64_t kMaxSilenceAheadUs = int64_t{31} * 24 * 3'600 * 1'000'000;

int64_t NumberOf(const std::string& cursor) {
  int64_t number = 0;
  return absl::SimpleAtoi(cursor, &number) ? number : 0;
}

AlertAuthor AuthorOf(const AlertCall& call, const std::string& comment) {
  return {call.caller.principal->name, comment};
}

void Answer(const Alert& alert, v1::Alert* response) { ToProto(alert, response); }
void AnswerSilence(const Silence& silence, v1::Silence* response) { ToProto(silence, response); }

// In the audit log: what may change of an alert.
std::string JsonOf(const Alert& alert) {
  std::string json = absl::StrCat("{\"state\":\"", AlertStateName(alert.state).data(), "\"");
  if (alert.feedback != Feedback::kNone) {
    absl::StrAppend(&json, ",\"feedback\":\"", FeedbackName(alert.feedback).data(), "\"");
  }
  if (alert.action.state != ActionState::kNone) {
    absl::StrAppend(&json, ",\"action\":\"", ActionStateName(alert.action.state).data(), "\"");
  }
  return json + "}";
}

// Changes one alert by `change(transaction, number)`, and ends its action in the same change where
// that was lifted.
template <typename Request, typename Do>
absl::Status ChangeAlert(AlertCall& call, const Request& request, Do change_alert,
                         v1::Alert* response) {
  const int64_t number = *ParseAlertName(request.alert_id());
  const ChangeRequest change = ChangeOf(call, request);
  return MakeChange(
      call, change, absl::StrCat("alert/", AlertName(number)),
      [&](const OpenChange& open) -> absl::StatusOr<Changed<Alert>> {
        Changed<Alert> made;
        made.record.target = absl::StrCat("alert/", AlertName(number));
        QP_ASSIGN_OR_RETURN(const Alert before,
                            call.parts.alerts->Get(open.transaction, request.org(), number));
        QP_ASSIGN_OR_RETURN(made.now, change_alert(open.transaction, number));
        QP_RETURN_IF_ERROR(EndLifted(call.parts, open, &made));
        made.record.before = JsonOf(before);
        made.record.after = JsonOf(made.now);
        return made;
      },
      Answer, response);
}

}  // namespace

absl::Status ListAlerts(AlertCall& call, const v1::ListAlertsRequest& request,
                        v1::ListAlertsResponse* response) {
  const Page page = PageOf(request);
  const size_t most = std::min(page.size + 1, kMaxAlertsAtOnce);
  QP_ASSIGN_OR_RETURN(
      const std::vector<Alert> found,
      call.parts.alerts->List(*call.parts.database, FilterOf(request), NumberOf(page.after), most));
  Page fitting = page;
  fitting.size = std::min(page.size, kMaxAlertsAtOnce - 1);
  response->set_next_page_token(FillPage(
      found, fitting,
      [&](const Alert& alert) {
        v1::Alert* const added = response->add_alerts();
        ToProto(alert, added);
        return added;
      },
      [](const Alert& alert) { return absl::StrCat(alert.number); }));
  return absl::OkStatus();
}

absl::Status GetAlert(AlertCall& call, const v1::GetAlertRequest& request, v1::Alert* response) {
  QP_ASSIGN_OR_RETURN(const Alert alert,
                      call.parts.alerts->Get(*call.parts.database, request.org(),
                                             *ParseAlertName(request.alert_id())));
  ToProto(alert, response);
  return absl::OkStatus();
}

namespace {

// An org's open alerts as they were when it was at `sequence`, in the order of their changes: a
// watcher that breaks off goes on from the last one it has.
absl::Status SendOpen(AlertCall& call, const std::string& org, int64_t sequence,
                      const std::function<absl::Status(const Alert&)>& send_alert,
                      const SendChunk& send) {
  sql::Database& database = *call.parts.database;
  QP_ASSIGN_OR_RETURN(const std::vector<int64_t> open,
                      call.parts.alerts->OpenInOrder(database, org));
  for (size_t i = 0; i < open.size(); i += kOpenAtOnce) {
    QP_ASSIGN_OR_RETURN(const std::vector<Alert> alerts,
                        call.parts.alerts->OpenOf(
                            database, org, absl::MakeConstSpan(open).subspan(i, kOpenAtOnce)));
    for (const Alert& alert : alerts) {
      // What changed since comes with the changes.
      if (alert.sequence <= sequence) QP_RETURN_IF_ERROR(send_alert(alert));
    }
    QP_RETURN_IF_ERROR(send(nullptr));  // it may be that nobody waits any more
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status WatchAlerts(AlertCall& call, const v1::WatchAlertsRequest& request,
                         const SendChunk& send) {
  sql::Database& database = *call.parts.database;
  const std::optional<std::string> org = request.org();
  int64_t sequence = request.after_sequence();
  const auto send_alert = [&](const Alert& alert) {
    auto message = std::make_unique<v1::Alert>();
    ToProto(alert, message.get());
    return send(std::move(message));
  };
  if (sequence == 0) {
    // The last sequence first: what changes meanwhile is sent after it.
    QP_ASSIGN_OR_RETURN(sequence, call.parts.alerts->LastSequence(database));
    QP_RETURN_IF_ERROR(SendOpen(call, request.org(), sequence, send_alert, send));
  }
  const absl::Time until = absl::FromUnixMicros(call.now_us) + kWatchFor;
  while (absl::Now() < until) {
    QP_ASSIGN_OR_RETURN(const std::vector<Alert> alerts,
                        call.parts.alerts->ChangesSince(database, org, sequence, kWatchRows));
    for (const Alert& alert : alerts) {
      QP_RETURN_IF_ERROR(send_alert(alert));
      sequence = alert.sequence;
    }
    if (!alerts.empty()) continue;
    QP_RETURN_IF_ERROR(send(nullptr));
    absl::SleepFor(kWatchPause);
  }
  return ReasonedError(absl::StatusCode::kUnavailable, "WATCH_ENDED",
                       "it was watched for 10 minutes; call again from the last sequence");
}

absl::Status AcknowledgeAlert(AlertCall& call, const v1::ChangeAlertRequest& request,
                              v1::Alert* response) {
  return ChangeAlert(
      call, request,
      [&](sql::Transaction& transaction, int64_t number) {
        return call.parts.alerts->Acknowledge(transaction, request.org(), number,
                                              AuthorOf(call, request.comment()), call.now_us);
      },
      response);
}

absl::Status ResolveAlert(AlertCall& call, const v1::ChangeAlertRequest& request,
                          v1::Alert* response) {
  return ChangeAlert(
      call, request,
      [&](sql::Transaction& transaction, int64_t number) {
        return call.parts.alerts->Resolve(transaction, request.org(), number,
                                          AuthorOf(call, request.comment()), call.now_us);
      },
      response);
}

absl::Status GiveFeedback(AlertCall& call, const v1::GiveFeedbackRequest& request,
                          v1::Alert* response) {
  return ChangeAlert(
      call, request,
      [&](sql::Transaction& transaction, int64_t number) {
        return call.parts.alerts->SetFeedback(transaction, request.org(), number,
                                              FeedbackOf(request.feedback()),
                                              AuthorOf(call, request.comment()), call.now_us);
      },
      response);
}

absl::Status CreateSilence(AlertCall& call, const v1::CreateSilenceRequest& request,
                           v1::Silence* response) {
  const Silence wanted = SilenceOf(request, call.caller.principal->name);
  if (wanted.until_us <= call.now_us || wanted.until_us > call.now_us + kMaxSilenceAheadUs) {
    return FieldError({{"end_time", "must be in the future, within 31 days"}});
  }
  const ChangeRequest change = ChangeOf(call, request);
  return MakeChange(
      call, change, "silence",
      [&](const OpenChange& open) -> absl::StatusOr<Changed<Silence>> {
        Changed<Silence> made;
        QP_ASSIGN_OR_RETURN(made.now,
                            call.parts.alerts->AddSilence(open.transaction, wanted, call.now_us));
        made.record.target = absl::StrCat("silence/", SilenceName(made.now.number));
        return made;
      },
      AnswerSilence, response);
}

absl::Status EndSilence(AlertCall& call, const v1::EndSilenceRequest& request,
                        v1::Silence* response) {
  const ChangeRequest change = ChangeOf(call, request);
  const int64_t number = *ParseSilenceName(request.silence_id());
  return MakeChange(
      call, change, absl::StrCat("silence/", SilenceName(number)),
      [&](const OpenChange& open) -> absl::StatusOr<Changed<Silence>> {
        Changed<Silence> made;
        QP_ASSIGN_OR_RETURN(made.now,
                            call.parts.alerts->EndSilence(open.transaction, request.org(), number,
                                                          AuthorOf(call, ""), call.now_us));
        made.record.target = absl::StrCat("silence/", SilenceName(number));
        return made;
      },
      AnswerSilence, response);
}

absl::Status ListSilences(AlertCall& call, const v1::ListSilencesRequest& request,
                          v1::ListSilencesResponse* response) {
  Page page = PageOf(request);
  page.size = std::min(page.size, kMaxAlertsAtOnce - 1);
  QP_ASSIGN_OR_RETURN(
      const std::vector<Silence> found,
      call.parts.alerts->ListSilences(*call.parts.database, request.org(), request.ended(),
                                      NumberOf(page.after), page.size + 1));
  response->set_next_page_token(FillPage(
      found, page,
      [&](const Silence& silence) {
        v1::Silence* const added = response->add_silences();
        ToProto(silence, added);
        return added;
      },
      [](const Silence& silence) { return absl::StrCat(silence.number); }));
  return absl::OkStatus();
}

absl::Status ListDeliveries(AlertCall& call, const v1::ListDeliveriesRequest& request,
                            v1::ListDeliveriesResponse* response) {
  Page page = PageOf(request);
  page.size = std::min(page.size, kMaxMessagesAtOnce - 1);
  std::vector<DeliveryState> states;
  for (const int state : request.states()) states.push_back(static_cast<DeliveryState>(state - 1));
  QP_ASSIGN_OR_RETURN(
      const std::vector<Delivery> found,
      call.parts.queue->List(request.org(), states, NumberOf(page.after), page.size + 1));
  response->set_next_page_token(FillPage(
      found, page,
      [&](const Delivery& delivery) {
        v1::Delivery* const added = response->add_deliveries();
        ToProto(delivery, added);
        return added;
      },
      [](const Delivery& delivery) { return absl::StrCat(delivery.number); }));
  return absl::OkStatus();
}

absl::Status SendAgain(AlertCall& call, const v1::SendAgainRequest& request,
                       v1::Delivery* response) {
  const ChangeRequest change = ChangeOf(call, request);
  const std::string target = TargetOf(request);
  const absl::Status made = MakeChange(
      call, change, target,
      [&](const OpenChange& open) -> absl::StatusOr<Changed<Delivery>> {
        Changed<Delivery> again;
        QP_ASSIGN_OR_RETURN(again.now,
                            DeliveryQueue::SendAgain(open.transaction, request.org(),
                                                     request.delivery_id(), call.now_us));
        again.record.target = target;
        return again;
      },
      [](const Delivery& delivery, v1::Delivery* answer) { ToProto(delivery, answer); }, response);
  if (made.ok()) call.parts.dispatch->Wake();
  return made;
}

}  // namespace quotaplane
