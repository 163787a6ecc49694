// A library to preload into a process whose clock shall be off: CLOCK_OFFSET_SECONDS is added to
// everything that tells the time of day. The monotonic clock stays: timeouts last as long as they
// should, as on a machine whose clock is set wrong.
//
// Not faketime, since a timed wait of absl's is a futex call with a time of day in it, which has to
// be shifted back.
#include <dlfcn.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <sys/time.h>

#include <cstdarg>
#include <cstdlib>
#include <ctime>

namespace {

time_t Offset() {
  static const time_t kOffset = [] {
    const char* given = std::getenv("CLOCK_OFFSET_SECONDS");
    return given != nullptr ? static_cast<time_t>(std::strtoll(given, nullptr, 10)) : 0;
  }();
  return kOffset;
}

template <typename Function>
Function* Original(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

}  // namespace

extern "C" {

int clock_gettime(clockid_t clock, timespec* time) noexcept {
  static auto* const kOriginal = Original<int(clockid_t, timespec*)>("clock_gettime");
  const int result = kOriginal(clock, time);
  if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE) time->tv_sec += Offset();
  return result;
}

int gettimeofday(timeval* time, void* zone) noexcept {
  static auto* const kOriginal = Original<int(timeval*, void*)>("gettimeofday");
  const int result = kOriginal(time, zone);
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
  static auto* const kOriginal = Original<long(long, ...)>("syscall");
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
  return kOriginal(number, args[0], args[1], args[2], args[3], args[4], args[5]);
}

}  // extern "C"
