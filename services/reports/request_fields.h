// Fields that requests of several kinds have.
#pragma once

#include <string>

#include "absl/time/time.h"
#include "services/rpc/field_checks.h"

namespace quotaplane {

// An IANA zone by the field `field`; UTC for the empty name, and after a violation.
absl::TimeZone ZoneOf(const std::string& name, const std::string& field, FieldChecks* checks);

// A number from 0 to `most`, where 0 stands for `otherwise`.
int CountOf(int value, int most, int otherwise, const char* field, FieldChecks* checks);

}  // namespace quotaplane
