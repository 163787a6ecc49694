#include "libs/alerts/erasure.h"

#include <algorithm>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "libs/alerts/alert_rows.h"
#include "libs/alerts/silence_rows.h"
#include "libs/base/absl_view.h"
#include "libs/base/status_macros.h"
#include "nlohmann/json.hpp"

namespace quotaplane {
namespace {

using Json = nlohmann::ordered_json;

constexpr int64_t kAtOnce = 500;

// What may hold a person's name. Teams, projects, models and limits cannot be known to.
bool MayName(std::string_view dimension) {
  return dimension == "user" || dimension == "api_key" || dimension == "session" ||
         absl::StartsWith(AbslView(dimension), "labels.");
}

bool IsOfWord(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}

// A pattern for LIKE that finds every JSON text with the name in it, and some others.
std::string LikeOf(const std::string& user) {
  std::string quoted = Json(user).dump(-1, ' ', false, Json::error_handler_t::replace);
  quoted = quoted.substr(1, quoted.size() - 2);
  return absl::StrCat(
      "%", absl::StrReplaceAll(quoted, {{"\\", "\\\\"}, {"%", "\\%"}, {"_", "\\_"}}), "%");
}

struct Found {
  bool scope = false;  // the alert is about the person
  bool any = false;
};

Found EraseNames(const AlertPerson& person, Signal* signal) {
  Found found;
  for (auto& [name, value] : signal->dimensions) {
    if (!MayName(name) || value != person.user) continue;
    value = person.pseudonym;
    found.scope = found.any = true;
  }
  for (Contributor& contributor : signal->contributors) {
    if (!MayName(contributor.dimension) || contributor.value != person.user) continue;
    contributor.value = person.pseudonym;
    found.any = true;
  }
  if (!found.any) return found;
  const auto replace = [&](std::string* text, size_t most) {
    *text = FitText(ReplaceWord(*text, person.user, person.pseudonym), most);
  };
  replace(&signal->scope, kMaxScopeBytes);
  replace(&signal->summary, kMaxSummaryBytes);
  return found;
}

absl::StatusOr<int64_t> EraseAlerts(sql::Transaction& transaction, const AlertPerson& person) {
  int64_t changed = 0;
  int64_t after = 0;
  while (true) {
    QP_ASSIGN_OR_RETURN(std::vector<AlertRow> rows,
                        ReadAlertRows(transaction,
                                      "WHERE org = $1 AND number > $2 AND signal LIKE $3 ESCAPE "
                                      "'\\' ORDER BY number LIMIT $4",
                                      {person.org, after, LikeOf(person.user), kAtOnce}));
    for (AlertRow& row : rows) {
      after = row.alert.number;
      const Found found = EraseNames(person, &row.alert.signal);
      if (!found.any) continue;
      row.alert.acknowledge_comment =
          ReplaceWord(row.alert.acknowledge_comment, person.user, person.pseudonym);
      if (found.scope && row.alert.action.state == ActionState::kInForce) {
        row.alert.action.lifted = true;
      }
      QP_RETURN_IF_ERROR(UpdateAlertRow(transaction, row));
      ++changed;
    }
    if (rows.size() < static_cast<size_t>(kAtOnce)) return changed;
  }
}

// As EraseNames, of what alert_json.h made of an alert.
bool EraseFromBody(const AlertPerson& person, Json* body) {
  bool found = false;
  const auto take = [&](const std::string& dimension, Json* value) {
    if (!MayName(dimension) || *value != person.user) return;
    *value = person.pseudonym;
    found = true;
  };
  if (const auto dimensions = body->find("dimensions"); dimensions != body->end()) {
    for (auto it = dimensions->begin(); it != dimensions->end(); ++it) take(it.key(), &it.value());
  }
  if (const auto contributors = body->find("contributors"); contributors != body->end()) {
    for (Json& one : *contributors) {
      if (one.is_object()) take(one.value("dimension", ""), &one["value"]);
    }
  }
  if (!found) return false;
  for (const char* name : {"scope", "summary"}) {
    const auto text = body->find(name);
    if (text == body->end() || !text->is_string()) continue;
    *text = ReplaceWord(text->get<std::string>(), person.user, person.pseudonym);
  }
  return true;
}

absl::StatusOr<int64_t> EraseItems(sql::Transaction& transaction, const AlertPerson& person) {
  int64_t changed = 0;
  int64_t after_message = 0, after_position = -1;
  while (true) {
    QP_ASSIGN_OR_RETURN(
        const sql::Rows rows,
        transaction.Query(
            {"items to erase",
             "SELECT message, position, body, error FROM alert_message_items JOIN alert_messages "
             "ON "
             "alert_messages.number = alert_message_items.message WHERE org = $1 AND body LIKE $2 "
             "ESCAPE '\\' AND (message > $3 OR (message = $3 AND position > $4)) ORDER BY message, "
             "position LIMIT $5"},
            {person.org, LikeOf(person.user), after_message, after_position, kAtOnce}));
    for (size_t i = 0; i < rows.size(); ++i) {
      std::string_view text, error;
      QP_RETURN_IF_ERROR(rows[i].Read(after_message, after_position, text, error));
      Json body = Json::parse(text, nullptr, false);
      if (!body.is_object() || !EraseFromBody(person, &body)) continue;
      QP_RETURN_IF_ERROR(
          transaction
              .Execute({"erase item",
                        "UPDATE alert_message_items SET body = $3 WHERE message = $1 AND position "
                        "= $2"},
                       {after_message, after_position,
                        body.dump(-1, ' ', false, Json::error_handler_t::replace)})
              .status());
      // A receiver that refuses a message may repeat it.
      if (!error.empty()) {
        QP_RETURN_IF_ERROR(
            transaction
                .Execute({"erase error", "UPDATE alert_messages SET error = $2 WHERE number = $1"},
                         {after_message, ReplaceWord(error, person.user, person.pseudonym)})
                .status());
      }
      ++changed;
    }
    if (rows.size() < static_cast<size_t>(kAtOnce)) return changed;
  }
}

absl::StatusOr<int64_t> EraseSilences(sql::Transaction& transaction, const AlertPerson& person) {
  QP_ASSIGN_OR_RETURN(
      std::vector<Silence> silences,
      ReadSilences(transaction, "WHERE org = $1 AND matchers LIKE $2 ESCAPE '\\' ORDER BY number",
                   {person.org, LikeOf(person.user)}));
  int64_t changed = 0;
  for (Silence& silence : silences) {
    bool found = false;
    for (Matcher& matcher : silence.matchers) {
      if (!MayName(matcher.name) || matcher.pattern != person.user) continue;
      matcher.pattern = person.pseudonym;
      found = true;
    }
    if (!found) continue;
    silence.reason = ReplaceWord(silence.reason, person.user, person.pseudonym);
    QP_RETURN_IF_ERROR(RewriteSilence(transaction, silence));
    ++changed;
  }
  return changed;
}

}  // namespace

std::string ReplaceWord(std::string_view text, std::string_view word, std::string_view with) {
  std::string replaced;
  size_t from = 0;
  while (true) {
    const size_t at = text.find(word, from);
    if (at == std::string_view::npos) break;
    const size_t end = at + word.size();
    const bool apart = (at == 0 || !IsOfWord(text[at - 1]) || !IsOfWord(word.front())) &&
                       (end == text.size() || !IsOfWord(text[end]) || !IsOfWord(word.back()));
    const size_t upto = apart ? end : at + 1;
    replaced += text.substr(from, at - from);
    replaced += apart ? with : text.substr(at, 1);
    from = upto;
  }
  replaced += text.substr(from);
  return replaced;
}

std::vector<std::string> NamesIn(const Signal& signal) {
  std::vector<std::string> names;
  for (const auto& [name, value] : signal.dimensions) {
    if (MayName(name)) names.push_back(value);
  }
  for (const Contributor& contributor : signal.contributors) {
    if (MayName(contributor.dimension)) names.push_back(contributor.value);
  }
  return names;
}

bool EraseFromSignal(const AlertPerson& person, Signal* signal) {
  return EraseNames(person, signal).any;
}

absl::StatusOr<int64_t> EraseFromAlerts(sql::Transaction& transaction, const AlertPerson& person) {
  QP_RETURN_IF_ERROR(LockAlertHead(transaction).status());
  int64_t changed = 0;
  for (const auto erase : {&EraseAlerts, &EraseItems, &EraseSilences}) {
    QP_ASSIGN_OR_RETURN(const int64_t some, erase(transaction, person));
    changed += some;
  }
  return changed;
}

}  // namespace quotaplane
