#include "libs/alerts/sender.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "libs/alerts/alert_json.h"
#include "libs/alerts/message_text.h"
#include "libs/alerts/signature.h"
#include "libs/http/http.h"
#include "libs/http/smtp.h"

namespace quotaplane {
namespace {

using Outcome = SendResult::Outcome;

struct Attempt {
  const AlertMessage& message;
  int64_t now_us;
  absl::Duration timeout;
  const std::atomic<bool>* stop;
};

SendResult Post(const Attempt& attempt, std::string url, std::string body,
                std::vector<std::pair<std::string, std::string>> headers,
                const std::string& ca_file) {
  headers.emplace_back("Content-Type", "application/json");
  headers.emplace_back("User-Agent", "quotaplane");
  const absl::StatusOr<HttpAnswer> answer = SendHttp({.url = std::move(url),
                                                      .body = std::move(body),
                                                      .headers = std::move(headers),
                                                      .timeout = attempt.timeout,
                                                      .max_answer_bytes = 4096,
                                                      .ca_file = ca_file},
                                                     attempt.stop);
  if (!answer.ok()) {
    const bool refused = absl::IsInvalidArgument(answer.status());
    return {.outcome = refused ? Outcome::kRefused : Outcome::kRetry,
            .error = std::string(answer.status().message())};
  }
  const int status = answer->status;
  if (status >= 200 && status < 300) return {};
  const bool retry = status == 408 || status == 429 || status >= 500;
  // What it said of that, as far as it fits.
  return {.outcome = retry ? Outcome::kRetry : Outcome::kRefused,
          .error = FitText(
              absl::StrCat("HTTP status ", status, answer->body.empty() ? "" : ": ", answer->body),
              200),
          .wait_us = int64_t{answer->retry_after_s} * 1'000'000};
}

SendResult SendTo(const AlertmanagerReceiver& to, const Attempt& attempt) {
  std::vector<std::pair<std::string, std::string>> headers;
  if (!to.token.empty()) headers.emplace_back("Authorization", absl::StrCat("Bearer ", to.token));
  const absl::string_view root = to.url;
  return Post(attempt, absl::StrCat(root, absl::EndsWith(root, "/") ? "" : "/", "api/v2/alerts"),
              AlertmanagerJson(attempt.message, attempt.now_us), std::move(headers), to.ca_file);
}

SendResult SendTo(const WebhookReceiver& to, const Attempt& attempt) {
  std::string body = MessageJson(attempt.message);
  const int64_t now_s = attempt.now_us / 1'000'000;
  std::vector<std::pair<std::string, std::string>> headers = {
      {"Idempotency-Key", attempt.message.id},
      {kTimestampHeader, absl::StrCat(now_s)},
      {kSignatureHeader, SignatureOf(to.secret, now_s, body)}};
  return Post(attempt, to.url, std::move(body), std::move(headers), to.ca_file);
}

SendResult SendTo(const SlackReceiver& to, const Attempt& attempt) {
  return Post(attempt, to.url, SlackJson(attempt.message),
              {{"Idempotency-Key", attempt.message.id}}, to.ca_file);
}

SendResult SendTo(const EmailReceiver& to, const Attempt& attempt) {
  using StartTls = SmtpMail::StartTls;
  static_assert(static_cast<int>(StartTls::kOff) ==
                static_cast<int>(EmailReceiver::StartTls::kOff));
  const absl::Status sent = SendSmtp({.server = to.server,
                                      .start_tls = static_cast<StartTls>(to.start_tls),
                                      .user = to.user,
                                      .password = to.password,
                                      .ca_file = to.ca_file,
                                      .from = to.from,
                                      .to = to.to,
                                      .text = EmailText(attempt.message, to),
                                      .timeout = attempt.timeout},
                                     attempt.stop);
  if (sent.ok()) return {};
  return {.outcome = absl::IsUnavailable(sent) ? Outcome::kRetry : Outcome::kRefused,
          .error = FitText(std::string(sent.message()), 200)};
}

}  // namespace

SendResult SendMessage(const Receiver& receiver, const AlertMessage& message, int64_t now_us,
                       absl::Duration timeout, const std::atomic<bool>* stop) {
  const Attempt attempt = {message, now_us, timeout, stop};
  return std::visit([&](const auto& to) { return SendTo(to, attempt); }, receiver.how);
}

AlertMessage TestMessage(const Receiver& receiver, std::string_view org, int64_t now_us) {
  Alert alert;
  Signal& signal = alert.signal;
  signal.org = org;
  signal.kind = AlertKind::kOperations;
  signal.rule_id = "test";
  signal.severity = alert.opened_severity = Severity::kInfo;
  signal.summary = "This is a test of the delivery; nothing has happened.";
  signal.at_us = alert.opened_at_us = now_us;
  // An Alertmanager must not keep it.
  alert.state = AlertState::kResolved;
  alert.resolved_at_us = now_us;
  AlertMessage message;
  message.id = absl::StrCat("test-", now_us);
  message.receiver = receiver.name;
  message.org = org;
  message.kind = signal.kind;
  message.created_at_us = now_us;
  message.count = 1;
  message.test = true;
  message.items.push_back({0, NoticeEvent::kFiring, AlertJson(alert, NoticeEvent::kFiring)});
  return message;
}

}  // namespace quotaplane
