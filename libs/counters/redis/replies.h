// Reads the scripts' replies. Pure; malformed replies are INTERNAL errors, never out-of-bounds
// reads.
#pragma once

#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/counters/counter_store.h"

namespace quotaplane {

// Bytes, read front to back. Reading past the end gives zeros and clears ok().
class ReplyReader {
 public:
  explicit ReplyReader(std::string_view bytes) : rest_(bytes) {}
  char Byte();
  int64_t Number();  // a double that holds an integer
  std::string_view Take(size_t size);
  std::string_view rest() const { return rest_; }
  bool ok() const { return ok_; }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

// The headers of `uses`, as they are.
std::vector<CounterState> ReadHeaders(ReplyReader* reader, const std::vector<CounterUse>& uses,
                                      int64_t now_us);

// What a replayed Reserve saw at `now_us` (digests, holds, headers), without its own holds. Empty
// where those are not the counters of `uses`.
std::vector<CounterState> ReadReplay(ReplyReader* reader, const std::vector<CounterUse>& uses,
                                     int64_t now_us);

// The rest of a refusal ('D' has been read): sets *now_us and *stale and gives the states, with
// fits_at for refusing counters.
std::vector<CounterState> ReadRefusal(ReplyReader* reader, const std::vector<CounterUse>& uses,
                                      int64_t* now_us, bool* stale);

// The rest of a commit's outcome.
void ReadOutcome(ReplyReader* reader, CommitResult* result);

// When a hold on a sliding counter fits that did not fit at the header's head: see
// CounterState::fits_at_us. `slots[i]` is the sum of slot head-60+i, `slots[60]` the head's own.
int64_t SlidingFitsAt(const WindowSpec& window, int64_t head, const std::vector<int64_t>& slots,
                      int64_t held, int64_t committed, int64_t max_used);

}  // namespace quotaplane
