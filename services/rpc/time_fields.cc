#include "services/rpc/time_fields.h"

namespace quotaplane {
namespace {

constexpr int64_t kSecondUs = 1'000'000;
constexpr int64_t kFirstSecond = 946'684'800;   // 2000-01-01
constexpr int64_t kLastSecond = 7'258'118'400;  // 2200-01-01

}  // namespace

int64_t TimeOf(bool present, const google::protobuf::Timestamp& time, const std::string& field,
               FieldChecks* checks) {
  if (!present) {
    checks->Violation(field, "is required");
    return 0;
  }
  const bool sane = time.nanos() >= 0 && time.nanos() < 1'000'000'000;
  if (!sane || time.seconds() < kFirstSecond || time.seconds() > kLastSecond ||
      (time.seconds() == kLastSecond && time.nanos() > 0)) {
    checks->Violation(field, "must be a time from the year 2000 to 2199");
    return 0;
  }
  return time.seconds() * kSecondUs + time.nanos() / 1'000;
}

void SetTime(int64_t us, google::protobuf::Timestamp* time) {
  time->set_seconds(us / kSecondUs);
  time->set_nanos(static_cast<int32_t>(us % kSecondUs * 1'000));
}

}  // namespace quotaplane
