// What may be asked for: the rules of an exception's request.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "libs/base/error.h"
#include "libs/control/exceptions.h"
#include "libs/policy/policy.h"

namespace quotaplane {

// What `limit` gives `scope` by its overrides, whatever its `when` says; `scope` has a value for
// each of its `per`.
int64_t AmountOf(const Limit& limit, std::string_view org,
                 const std::map<std::string, std::string>& scope);

// Files violations of what needs no policy: bounds, times, texts. `prefix` stands before each
// field's name: "exceptions[3].", or nothing.
void CheckExceptionSpec(const ExceptionSpec& spec, int64_t now_us, const std::string& prefix,
                        std::vector<FieldViolation>* wrong);

// All rules of ExceptionStore::Request; fills in each raise's `per`.
absl::Status CheckAgainstPolicy(const Policy& policy, std::string_view org, int64_t now_us,
                                ExceptionSpec* spec);

}  // namespace quotaplane
