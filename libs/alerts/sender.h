// One message to one receiver, over the network. Blocks.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "absl/time/time.h"
#include "libs/alerts/delivery_queue.h"
#include "libs/alerts/receivers.h"

namespace quotaplane {

// What the receiver made of it.
struct SendResult {
  enum class Outcome {
    kSent,
    kRetry,    // it did not answer, or says that it cannot now (408, 429, 5xx; SMTP 4xx)
    kRefused,  // it will not take this message (other answers; SMTP 5xx)
  };
  Outcome outcome = Outcome::kSent;
  std::string error;    // unless kSent; never a secret
  int64_t wait_us = 0;  // kRetry: at least so long, as it asked; at most an hour
};

// The attempt takes `timeout` at most, and is given up soon after `*stop` is true (kRetry).
// `now_us` is what the signature says. Thread-safe.
SendResult SendMessage(const Receiver& receiver, const AlertMessage& message, int64_t now_us,
                       absl::Duration timeout, const std::atomic<bool>* stop);

// A message that says that it is a test, of the org, with one alert that is none ("A-0").
AlertMessage TestMessage(const Receiver& receiver, std::string_view org, int64_t now_us);

}  // namespace quotaplane
