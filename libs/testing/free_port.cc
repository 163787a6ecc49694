#include "libs/testing/free_port.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <random>
#include <string>
#include <utility>

#include "libs/testing/fatal.h"

namespace quotaplane::fixtures {
namespace {

constexpr int kFirstPort = 20'000;
constexpr int kPorts = 12'000;

// Of one user, in /tmp whatever TMPDIR says: processes with different TMPDIRs share the ports.
int OpenRegistry() {
  const std::string path = "/tmp/quotaplane-test-ports-" + std::to_string(::geteuid());
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) FatalErrno("cannot open the port registry " + path);
  return fd;
}

bool LockByte(int fd, int offset) {
  struct flock lock = {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  lock.l_start = offset;
  lock.l_len = 1;
  return ::fcntl(fd, F_OFD_SETLK, &lock) == 0;
}

bool CanListen(int port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) FatalErrno("socket");
  const int on = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_ANY);
  const bool ok = ::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0 &&
                  ::listen(fd, 1) == 0;
  ::close(fd);
  return ok;
}

}  // namespace

FreePort::FreePort() : lock_fd_(OpenRegistry()) {
  std::random_device random;
  const int start = static_cast<int>(random() % kPorts);
  for (int i = 0; i < kPorts; ++i) {
    const int candidate = kFirstPort + (start + i) % kPorts;
    if (LockByte(lock_fd_, candidate) && CanListen(candidate)) {
      port_ = candidate;
      return;
    }
  }
  Fatal("no free port in 20000-31999");
}

FreePort::~FreePort() {
  if (lock_fd_ >= 0) ::close(lock_fd_);
}

FreePort::FreePort(FreePort&& other) noexcept
    : lock_fd_(std::exchange(other.lock_fd_, -1)), port_(std::exchange(other.port_, 0)) {}

FreePort& FreePort::operator=(FreePort&& other) noexcept {
  std::swap(lock_fd_, other.lock_fd_);
  std::swap(port_, other.port_);
  return *this;
}

}  // namespace quotaplane::fixtures
