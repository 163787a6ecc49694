// Times in messages <-> microseconds since the epoch.
#pragma once

#include <google/protobuf/timestamp.pb.h>

#include <cstdint>
#include <string>

#include "services/rpc/field_checks.h"

namespace quotaplane {

// Of a field that is required: a time from the year 2000 to 2199. 0 and a violation otherwise.
int64_t TimeOf(bool present, const google::protobuf::Timestamp& time, const std::string& field,
               FieldChecks* checks);

void SetTime(int64_t us, google::protobuf::Timestamp* time);

}  // namespace quotaplane
