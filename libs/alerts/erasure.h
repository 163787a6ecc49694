// A person is erased: alerts, silences and messages name the pseudonym from then on, as the ledger
// does (libs/ledger/erasure.h).
//
// An alert is the person's where its scope or a contributor has the name as user, API key, session
// or label. There the name is replaced by itself and in what is said of it (scope, summary, an
// acknowledgement's comment), wherever it stands as a word of its own. A silence is the person's
// where one of its patterns is the name. Kept: who acknowledged, resolved, silenced, since those
// are actors, as in the audit; and what receivers were sent.
//
// An action in force on the person's own scope is lifted: what the name does next is a new
// person's.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/alerts/signal.h"
#include "libs/sql/database.h"

namespace quotaplane {

struct AlertPerson {
  std::string org;
  std::string user;  // not empty
  std::string pseudonym;
};

// How many alerts, silences and items of messages changed. Takes the lock of alert_head: nothing
// but the commit should come after it. Its sequence does not move: watchers are not told.
absl::StatusOr<int64_t> EraseFromAlerts(sql::Transaction& transaction, const AlertPerson& person);

// The values of a signal that may be a person's name.
std::vector<std::string> NamesIn(const Signal& signal);

// A signal that is on its way, likewise; its org is the person's. Whether it is about the person.
bool EraseFromSignal(const AlertPerson& person, Signal* signal);

// `text` with `word` replaced where no letter, digit, '_' or byte of a longer character stands next
// to it. `word` is not empty.
std::string ReplaceWord(std::string_view text, std::string_view word, std::string_view with);

}  // namespace quotaplane
