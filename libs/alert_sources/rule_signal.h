// What every signal takes from the rule that raised it.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "libs/alerts/signal.h"
#include "libs/policy/alert_rule.h"
#include "libs/policy/subject.h"

namespace quotaplane {

// Kind, rule, severity, receivers, hold-off, action.
Signal SignalOf(const AlertRule& rule);

// The subject that has only these: names are those of dimensions ("org", "user", "labels.session");
// others are left out.
Subject SubjectOf(const std::vector<std::pair<std::string, std::string>>& dimensions);

// "{org=acme, user=alice}"
std::string ScopeWords(const std::vector<std::pair<std::string, std::string>>& dimensions);

// 32 hexadecimal digits that stand for the parts: for keys that would be too long.
std::string DigestName(const std::vector<std::string_view>& parts);

}  // namespace quotaplane
