#include "libs/tracing/span_buffer.h"

#include <iterator>
#include <utility>

namespace quotaplane::tracing {

void SpanBuffer::Add(Span span) {
  const MutexLock lock(mutex_);
  if (spans_.size() >= most_) {
    ++dropped_;
    return;
  }
  ++added_;
  spans_.push_back(std::move(span));
}

std::vector<Span> SpanBuffer::Take(size_t most) {
  const MutexLock lock(mutex_);
  if (spans_.size() <= most) return std::exchange(spans_, {});
  const auto end = spans_.begin() + static_cast<ptrdiff_t>(most);
  std::vector<Span> taken(std::make_move_iterator(spans_.begin()), std::make_move_iterator(end));
  spans_.erase(spans_.begin(), end);
  return taken;
}

SpanBuffer::Stats SpanBuffer::stats() const {
  const MutexLock lock(mutex_);
  return {added_, dropped_, spans_.size()};
}

}  // namespace quotaplane::tracing
