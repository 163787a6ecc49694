// Who a request with a virtual key speaks for (quota.proto, conventions).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/statusor.h"
#include "libs/keys/key_ring.h"
#include "libs/policy/subject.h"
#include "services/rpc/field_checks.h"

namespace quotaplane {

// Null: the request has none.
using RequestKey = std::shared_ptr<const VirtualKey>;

// What is needed to look at keys; without a ring, no key is known. Copy it freely.
class RequestKeys {
 public:
  RequestKeys() = default;
  // `now_us` is the counter store's clock. Both must outlive the calls; `ring` may be null.
  RequestKeys(const KeyRing* ring, std::function<int64_t()> now_us)
      : ring_(ring), now_us_(std::move(now_us)) {}

  // The key of a request, or null if it has none. Errors are KeyRing's.
  absl::StatusOr<RequestKey> Resolve(const std::string& text, KeyUse use) const;

 private:
  const KeyRing* ring_ = nullptr;
  std::function<int64_t()> now_us_;
};

// The rule for fields that a key says too.
inline constexpr char kOtherThanKey[] =
    "is not what the virtual key says: leave it empty, or say the same";

// Puts what the key says into the subject, whose fields have been checked. A violation for each
// that says otherwise; it does not show what the key says.
void ApplyKey(const RequestKey& key, Subject* subject, FieldChecks* checks);

// "key/ID" if the key is not for the model; empty if it is, or there is no key.
std::string RefusedByKey(const RequestKey& key, std::string_view model);

}  // namespace quotaplane
