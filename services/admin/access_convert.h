// Exceptions and keys of admin.proto <-> libs/control. Requests have passed their checks
// (requests.h).
#pragma once

#include <quotaplane/v1/admin.pb.h>

#include <vector>

#include "absl/status/statusor.h"
#include "libs/control/exceptions.h"
#include "libs/control/key_store.h"

namespace quotaplane {

ExceptionSpec SpecOf(const v1::RequestExceptionRequest& request);
ExceptionStore::Decision DecisionOf(const v1::DecideExceptionRequest& request);
std::vector<ExceptionState> StatesOf(const v1::ListExceptionsRequest& request);
void ToProto(const Exception& exception, v1::Exception* proto);

KeySpec SpecOf(const v1::Key& key);
KeyUpdate UpdateOf(const v1::UpdateKeyRequest& request);
void ToProto(const StoredKey& key, v1::Key* proto);

}  // namespace quotaplane
