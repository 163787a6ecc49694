// From a call that answers by callback to one that waits for the answer, for threads that have
// nothing else to do.
#pragma once

#include <future>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"

namespace quotaplane {

// Runs `start` with a callback and returns what that is called with, once, from any thread (the
// calling one too). A callback that is dropped uncalled ends the process: the answer will not come.
// A standard future, not absl::Notification: ThreadSanitizer sees through it, and not into
// Debian's Abseil.
template <typename T>
absl::StatusOr<T> Await(
    absl::FunctionRef<void(absl::AnyInvocable<void(absl::StatusOr<T>)>)> start) {
  std::promise<absl::StatusOr<T>> promise;
  std::future<absl::StatusOr<T>> answer = promise.get_future();
  start([promise = std::move(promise)](absl::StatusOr<T> value) mutable {
    promise.set_value(std::move(value));
  });
  return answer.get();
}

}  // namespace quotaplane
