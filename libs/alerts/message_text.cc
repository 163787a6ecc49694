#include "libs/alerts/message_text.h"

#include <algorithm>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/time/time.h"
#include "libs/alerts/alert_json.h"
#include "libs/base/absl_view.h"
#include "nlohmann/json.hpp"

namespace quotaplane {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kMaxSubjectBytes = 200;

std::string Dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::vector<Json> ItemsOf(const AlertMessage& message) {
  std::vector<Json> items;
  for (const MessageItem& item : message.items) {
    Json json = Json::parse(item.json, nullptr, false);
    if (json.is_object()) items.push_back(std::move(json));
  }
  return items;
}

std::string Field(const Json& item, const char* name) {
  const auto found = item.find(name);
  return found != item.end() && found->is_string() ? found->get<std::string>() : "";
}

// "9,980"
std::string Grouped(int64_t count) {
  const std::string digits = absl::StrCat(count);
  std::string grouped;
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) grouped.push_back(',');
    grouped.push_back(digits[i]);
  }
  return grouped;
}

std::string LineOf(const Json& item) {
  std::string line = absl::StrCat("[", Field(item, "severity"), "] ", Field(item, "alert"), " ",
                                  Field(item, "event"), ": ", Field(item, "summary"));
  if (const std::string scope = Field(item, "scope"); !scope.empty()) {
    absl::StrAppend(&line, " ", scope);
  }
  const auto contributors = item.find("contributors");
  if (contributors == item.end() || !contributors->is_array()) return line;
  std::string most;
  for (const Json& one : *contributors) {
    absl::StrAppend(&most, most.empty() ? "" : ", ", Field(one, "dimension"), " ",
                    Field(one, "value"));
  }
  if (!most.empty()) absl::StrAppend(&line, " (most: ", most, ")");
  return line;
}

// Chunks of whole characters, each within 36 bytes, which are 48 in base 64.
std::string EncodedWords(std::string_view text) {
  constexpr size_t kChunk = 36;
  std::string words;
  while (!text.empty()) {
    size_t size = std::min(kChunk, text.size());
    while (size < text.size() && size > 1 &&
           (static_cast<unsigned char>(text[size]) & 0xc0) == 0x80) {
      --size;
    }
    absl::StrAppend(&words, words.empty() ? "" : "\r\n ", "=?UTF-8?B?",
                    absl::Base64Escape(AbslView(text.substr(0, size))), "?=");
    text.remove_prefix(size);
  }
  return words;
}

// In lines of 76.
std::string Base64Lines(std::string_view text) {
  const std::string all = absl::Base64Escape(AbslView(text));
  std::string lines;
  for (size_t at = 0; at < all.size(); at += 76)
    absl::StrAppend(&lines, all.substr(at, 76), "\r\n");
  return lines;
}

// [a-zA-Z_][a-zA-Z0-9_]*
std::string LabelName(std::string_view dimension) {
  std::string name(dimension);
  for (char& c : name) {
    if (c == '.') c = '_';
  }
  return name;
}

Json LabelsOf(const Json& item, const std::string& severity) {
  Json labels = Json::object();
  if (const auto dimensions = item.find("dimensions");
      dimensions != item.end() && dimensions->is_object()) {
    for (const auto& [name, value] : dimensions->items()) labels[LabelName(name)] = value;
  }
  // Ours win over dimensions of the same name.
  std::string kind = Field(item, "kind");
  if (!kind.empty()) kind[0] = static_cast<char>(kind[0] - 'a' + 'A');
  labels["alertname"] = absl::StrCat("Quotaplane", kind);
  labels["severity"] = severity;
  for (const char* name : {"alert", "org", "kind", "rule"}) {
    // Empty ones are none.
    if (const std::string value = Field(item, name); !value.empty()) labels[name] = value;
  }
  return labels;
}

}  // namespace

MessageText TextOf(const AlertMessage& message) {
  MessageText text;
  const std::string kind(AlertKindName(message.kind));
  text.title =
      absl::StrCat(message.test ? "Test: " : "", Grouped(message.count), " ", kind,
                   message.count == 1 ? " alert" : " alerts",
                   message.org.empty() ? " of the deployment" : absl::StrCat(" of ", message.org));
  for (const Json& item : ItemsOf(message)) text.lines.push_back(LineOf(item));
  const int64_t more = message.count - static_cast<int64_t>(message.items.size());
  if (more > 0) text.lines.push_back(absl::StrCat("… and ", Grouped(more), " more"));
  return text;
}

std::string SlackJson(const AlertMessage& message) {
  const MessageText text = TextOf(message);
  const auto escaped = [](const std::string& plain) {
    return absl::StrReplaceAll(plain, {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}});
  };
  std::string all = absl::StrCat("*", escaped(text.title), "*");
  for (const std::string& line : text.lines) absl::StrAppend(&all, "\n", escaped(line));
  return Dump({{"text", all}});
}

std::string EmailText(const AlertMessage& message, const EmailReceiver& receiver) {
  const MessageText text = TextOf(message);
  std::string body = absl::StrCat(text.title, "\r\n\r\n");
  for (const std::string& line : text.lines) absl::StrAppend(&body, line, "\r\n");
  std::string subject = text.title;
  if (message.count == 1 && !text.lines.empty()) subject = text.lines[0];
  const std::string to = [&] {
    std::string list;
    for (const std::string& address : receiver.to) {
      absl::StrAppend(&list, list.empty() ? "" : ",\r\n ", address);
    }
    return list;
  }();
  const std::string host = receiver.from.substr(receiver.from.find('@') + 1);
  return absl::StrCat(
      "From: ", receiver.from, "\r\nTo: ", to, "\r\nSubject: ",
      EncodedWords(FitText(absl::StrCat("Quotaplane: ", subject), kMaxSubjectBytes)), "\r\nDate: ",
      absl::FormatTime("%a, %d %b %Y %H:%M:%S +0000", absl::FromUnixMicros(message.created_at_us),
                       absl::UTCTimeZone()),
      "\r\nMessage-ID: <", message.id, "@", host,
      ">\r\nAuto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; "
      "charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n",
      Base64Lines(body));
}

std::string AlertmanagerJson(const AlertMessage& message, int64_t now_us) {
  Json alerts = Json::array();
  for (const Json& item : ItemsOf(message)) {
    const std::string severity = Field(item, "severity");
    Json alert = {
        {"labels", LabelsOf(item, severity)},
        {"annotations", {{"summary", Field(item, "summary")}, {"scope", Field(item, "scope")}}},
        {"startsAt", Field(item, "opened_at")}};
    const std::string resolved_at = Field(item, "resolved_at");
    // Its source's clock may be ahead of ours, and what ends before it starts is refused.
    const std::string started_at = Field(item, "opened_at");
    alert["endsAt"] =
        std::max(started_at, resolved_at.empty() ? TimeText(now_us + kFiresForUs) : resolved_at);
    // Those that it was before it became worse.
    const auto opened = ParseSeverity(Field(item, "opened_severity"));
    const auto present = ParseSeverity(severity);
    for (int was = opened.has_value() ? static_cast<int>(*opened) : 0;
         opened.has_value() && present.has_value() && was < static_cast<int>(*present); ++was) {
      Json before = alert;
      before["labels"]["severity"] = SeverityName(static_cast<Severity>(was));
      before["endsAt"] = std::max(started_at, TimeText(now_us));
      alerts.push_back(std::move(before));
    }
    alerts.push_back(std::move(alert));
  }
  return Dump(alerts);
}

}  // namespace quotaplane
