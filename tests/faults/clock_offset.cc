// A library to preload into a process whose clock shall be off: CLOCK_OFFSET_SECONDS is added to
// everything that tells the time of day. The monotonic clock stays: timeouts last as long as they
// should, as on a machine whose clock is set wrong.
//
// Not faketime, since a timed wait of absl's is a futex call with a time of day in it, which has to
// be shifted back.
//
// Nothing here is a static that is initialised at its first use: a thread that finds another at
// that waits by `syscall`, which is this library's, and waits for the same.
#include <dlfcn.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <sys/time.h>

#include <atomic>
#include <cstdarg>
#include <cstdlib>
#include <ctime>
#include <limits>

namespace {

// The one that is hidden by ours. It is looked up by whoever comes first, and by others meanwhile:
// they find the same.
template <typename Function>
class Original {
 public:
  explicit constexpr Original(const char* name) : name_(name) {}

  Function* get() {
    Function* found = found_.load(std::memory_order_acquire);
    if (found == nullptr) {
      found = reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name_));
      found_.store(found, std::memory_order_release);
    }
    return found;
  }

 private:
  const char* const name_;
  std::atomic<Function*> found_ = nullptr;
};

constinit Original<int(clockid_t, timespec*)> original_clock_gettime("clock_gettime");
constinit Original<int(timeval*, void*)> original_gettimeofday("gettimeofday");
constinit Original<long(long, ...)> original_syscall("syscall");

constexpr time_t kUnknown = std::numeric_limits<time_t>::min();
constinit std::atomic<time_t> known_offset = kUnknown;

time_t Offset() {
  time_t offset = known_offset.load(std::memory_order_relaxed);
  if (offset == kUnknown) {
    const char* given = std::getenv("CLOCK_OFFSET_SECONDS");
    offset = given != nullptr ? static_cast<time_t>(std::strtoll(given, nullptr, 10)) : 0;
    known_offset.store(offset, std::memory_order_relaxed);
  }
  return offset;
}

}  // namespace

extern "C" {

int clock_gettime(clockid_t clock, timespec* time) noexcept {
  const int result = original_clock_gettime.get()(clock, time);
  if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE) time->tv_sec += Offset();
  return result;
}

int gettimeofday(timeval* time, void* zone) noexcept {
  const int result = original_gettimeofday.get()(time, zone);
  time->tv_sec += Offset();
  return result;
}

time_t time(time_t* out) noexcept {
  timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (out != nullptr) *out = now.tv_sec;
  return now.tv_sec;
}

long syscall(long number, ...) noexcept {
  long args[6];
  va_list list;
  va_start(list, number);
  for (long& arg : args) arg = va_arg(list, long);
  va_end(list);
  timespec until;
  if (number == SYS_futex && (args[1] & FUTEX_CLOCK_REALTIME) != 0 && args[3] != 0) {
    until = *reinterpret_cast<const timespec*>(args[3]);
    until.tv_sec -= Offset();
    args[3] = reinterpret_cast<long>(&until);
  }
  return original_syscall.get()(number, args[0], args[1], args[2], args[3], args[4], args[5]);
}

}  // extern "C"
