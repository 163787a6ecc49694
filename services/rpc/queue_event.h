// What a completion queue hands back, and what its thread knows of the calls on it.
#pragma once

#include <cstdint>

namespace quotaplane {

class QueueEvent {
 public:
  virtual ~QueueEvent() = default;
  virtual void OnEvent(bool ok) = 0;
};

// Touched by the queue's thread only.
struct QueueState {
  int64_t in_flight = 0;  // accepted and not finished
  bool stopping = false;  // the queue is shut down: nothing may be asked of it any more
};

}  // namespace quotaplane
