#include "libs/counters/redis/replies.h"

#include "libs/counters/redis/layout.h"

namespace quotaplane {
namespace {

struct Header {
  int64_t held = 0, committed = 0, head = 0, head_sum = 0;
  bool refuses = false;  // in a refusal; elsewhere the field has another use
};

Header ReadHeader(ReplyReader* reader) {
  Header header;
  header.held = reader->Number();
  header.committed = reader->Number();
  header.head = reader->Number();
  header.head_sum = reader->Number();
  header.refuses = reader->Number() == 1;
  return header;
}

CounterState StateOf(const Header& header, const WindowSpec& window, int64_t now_us) {
  CounterState state;
  state.held = header.held;
  state.committed = header.committed;
  if (window.kind == WindowKind::kCalendar) state.resets_at_us = PeriodAt(window, now_us).end_us;
  return state;
}

// When a refused hold fits a counter whose committed part goes all at once, at `reset_us` (0:
// never).
int64_t ResettingFitsAt(const Header& header, int64_t max_used, int64_t reset_us) {
  if (max_used < 0) return kNeverFits;
  if (header.held > max_used) return 0;
  return reset_us == 0 ? kNeverFits : reset_us;
}

int64_t FitsAt(ReplyReader* reader, const Header& header, const CounterUse& use,
               int64_t resets_at_us) {
  switch (use.window->kind) {
    case WindowKind::kLifetime:
      return ResettingFitsAt(header, use.max_used, 0);
    case WindowKind::kCalendar:
      return ResettingFitsAt(header, use.max_used, resets_at_us);
    case WindowKind::kSliding:
      break;
  }
  const std::string_view ring = reader->Take(kRingBytes);
  std::vector<int64_t> slots(kSlots + 1, 0);
  if (reader->ok() && static_cast<int64_t>(DoubleAt(ring, 0)) == header.head) {
    for (int64_t i = 0; i < kSlots; ++i) {
      const int64_t slot = header.head - kSlots + i;
      slots[i] = static_cast<int64_t>(DoubleAt(ring, 8 + 8 * ((slot % kSlots + kSlots) % kSlots)));
    }
  }
  slots[kSlots] = header.head_sum;
  return SlidingFitsAt(*use.window, header.head, slots, header.held, header.committed,
                       use.max_used);
}

}  // namespace

char ReplyReader::Byte() {
  const std::string_view byte = Take(1);
  return ok_ ? byte[0] : '\0';
}

int64_t ReplyReader::Number() {
  const std::string_view bytes = Take(sizeof(double));
  if (!ok_) return 0;
  const double value = DoubleAt(bytes, 0);
  // Also false for NaN. 2^62 is far above all that is stored and converts exactly.
  if (!(value > -4.6e18 && value < 4.6e18)) {
    ok_ = false;
    return 0;
  }
  return static_cast<int64_t>(value);
}

std::string_view ReplyReader::Take(size_t size) {
  if (rest_.size() < size) {
    ok_ = false;
    rest_ = {};
    return {};
  }
  const std::string_view taken = rest_.substr(0, size);
  rest_.remove_prefix(size);
  return taken;
}

std::vector<CounterState> ReadHeaders(ReplyReader* reader, const std::vector<CounterUse>& uses,
                                      int64_t now_us) {
  std::vector<CounterState> states;
  states.reserve(uses.size());
  for (const CounterUse& use : uses) {
    states.push_back(StateOf(ReadHeader(reader), *use.window, now_us));
  }
  return states;
}

std::vector<CounterState> ReadReplay(ReplyReader* reader, const std::vector<CounterUse>& uses,
                                     int64_t now_us) {
  if (reader->rest().size() !=
      uses.size() * (sizeof(Digest::bytes) + sizeof(double) + kHeaderBytes)) {
    return {};
  }
  bool same = true;
  for (const CounterUse& use : uses)
    same &= reader->Take(sizeof(Digest::bytes)) == use.counter.view();
  if (!same) return {};
  std::vector<int64_t> holds;
  holds.reserve(uses.size());
  for (size_t i = 0; i < uses.size(); ++i) holds.push_back(reader->Number());
  std::vector<CounterState> states = ReadHeaders(reader, uses, now_us);
  for (size_t i = 0; i < uses.size(); ++i) states[i].held -= holds[i];
  return states;
}

std::vector<CounterState> ReadRefusal(ReplyReader* reader, const std::vector<CounterUse>& uses,
                                      int64_t* now_us, bool* stale) {
  *now_us = reader->Number();
  *stale = reader->Number() != 0;
  std::vector<Header> headers;
  headers.reserve(uses.size());
  for (size_t i = 0; i < uses.size(); ++i) headers.push_back(ReadHeader(reader));
  std::vector<CounterState> states;
  states.reserve(uses.size());
  for (size_t i = 0; i < uses.size(); ++i) {
    CounterState state = StateOf(headers[i], *uses[i].window, *now_us);
    if (headers[i].refuses) {
      state.fits_at_us = FitsAt(reader, headers[i], uses[i], state.resets_at_us);
    }
    states.push_back(state);
  }
  return states;
}

void ReadOutcome(ReplyReader* reader, CommitResult* result) {
  result->now_us = reader->Number();
  result->cost_nano_usd = reader->Number();
  result->held_nano_usd = reader->Number();
  result->overrun_tokens = reader->Number();
  const auto flags = static_cast<unsigned char>(reader->Byte());
  result->late = (flags & 1) != 0;
  result->unreserved = (flags & 2) != 0;
  if ((flags & 6) == 0 && result->cost_nano_usd > result->held_nano_usd) {
    result->overrun_nano_usd = result->cost_nano_usd - result->held_nano_usd;
  }
}

int64_t SlidingFitsAt(const WindowSpec& window, int64_t head, const std::vector<int64_t>& slots,
                      int64_t held, int64_t committed, int64_t max_used) {
  if (max_used < 0) return kNeverFits;
  int64_t used = held + committed;
  for (int i = 0; i <= kSlots && used > max_used; ++i) {
    used -= slots[i];
    if (used <= max_used) return (head - kSlots + i + kSlots + 1) * SlotWidthUs(window);
  }
  return 0;
}

}  // namespace quotaplane
