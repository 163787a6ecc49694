#include "libs/testing/tcp_gate.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <deque>
#include <functional>
#include <future>
#include <list>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "libs/testing/fatal.h"

namespace quotaplane::fixtures {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kReadBytes = 64 << 10;
constexpr size_t kMaxHeldBytes = 4 << 20;  // per direction; beyond it, the sender's window fills up

enum class Mode { kPass, kRefuse, kHang, kDelay, kCut };

struct Chunk {
  Clock::time_point due;
  std::string bytes;
};

// One direction of a connection.
struct Pipe {
  std::deque<Chunk> chunks;
  size_t held_bytes = 0;
  bool eof = false;       // the sender has ended
  bool finished = false;  // and so have we, towards the receiver
};

struct Connection {
  int client = -1;
  int server = -1;  // -1 until the mode lets it through
  Pipe to_server;
  Pipe to_client;
  bool cut = false;     // only what to_client still holds goes out, then the end
  bool closed = false;  // to be forgotten
};

void SetNoDelay(int fd) {
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));  // fails on unix sockets, rightly
}

// Closes with RST instead of FIN.
void Reset(int fd) {
  if (fd < 0) return;
  const linger immediately = {1, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &immediately, sizeof(immediately));
  ::close(fd);
}

sockaddr_in Loopback(int port) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

}  // namespace

// Everything below the queue of jobs belongs to the one thread that runs Loop.
struct TcpGate::Impl {
  Impl(int upstream_port, std::string upstream_path);
  ~Impl();

  // Runs `job` on the loop's thread and waits until it is done.
  void Run(std::function<void()> job);
  void SwitchTo(Mode mode, Clock::duration delay, int64_t cut_budget);

  void Loop();
  void RunJobs();
  int WaitForEvents(std::vector<pollfd>& fds);
  void Serve(Connection& c, short client_events, short server_events);
  void Accept();
  int Connect() const;
  bool forwards() const { return mode_ != Mode::kHang; }
  void ReadFrom(Connection& c, bool from_server);
  void WriteTo(Connection& c, bool to_server);
  void Discard(Connection& c);
  size_t Budgeted(size_t n);
  void CutAll();
  void Drop(Connection& c);
  void Finish(Connection& c);

  const int upstream_port_;
  const std::string upstream_path_;
  int listener_ = -1;
  int wake_ = -1;
  int port_ = 0;

  std::mutex mutex_;
  std::vector<std::packaged_task<void()>> jobs_;  // guarded by mutex_
  bool stopping_ = false;                         // guarded by mutex_

  Mode mode_ = Mode::kPass;
  Clock::duration delay_{};
  int64_t cut_budget_ = 0;
  std::list<Connection> connections_;
  Stats stats_;

  std::thread thread_;  // last: it uses all of the above
};

TcpGate::Impl::Impl(int upstream_port, std::string upstream_path)
    : upstream_port_(upstream_port), upstream_path_(std::move(upstream_path)) {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  sockaddr_in address = Loopback(0);
  socklen_t length = sizeof(address);
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  if (listener_ < 0 || ::bind(listener_, generic, length) != 0 || ::listen(listener_, 512) != 0 ||
      ::getsockname(listener_, generic, &length) != 0) {
    FatalErrno("a gate cannot listen");
  }
  port_ = ntohs(address.sin_port);
  wake_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (wake_ < 0) FatalErrno("eventfd");
  thread_ = std::thread([this] { Loop(); });
}

TcpGate::Impl::~Impl() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  ::eventfd_write(wake_, 1);
  thread_.join();
  for (Connection& c : connections_) Drop(c);
  ::close(listener_);
  ::close(wake_);
}

void TcpGate::Impl::Run(std::function<void()> job) {
  std::packaged_task<void()> task(std::move(job));
  std::future<void> done = task.get_future();
  {
    std::lock_guard lock(mutex_);
    jobs_.push_back(std::move(task));
  }
  ::eventfd_write(wake_, 1);
  done.wait();
}

void TcpGate::Impl::SwitchTo(Mode mode, Clock::duration delay, int64_t cut_budget) {
  Run([=, this] {
    mode_ = mode;
    delay_ = delay;
    cut_budget_ = cut_budget;
    if (mode == Mode::kHang) return;
    for (Connection& c : connections_) {
      for (Chunk& chunk : c.to_server.chunks) chunk.due = Clock::now() + delay;
      for (Chunk& chunk : c.to_client.chunks) chunk.due = Clock::now() + delay;
    }
  });
}

void TcpGate::Impl::RunJobs() {
  eventfd_t ignored;
  ::eventfd_read(wake_, &ignored);
  std::vector<std::packaged_task<void()>> jobs;
  {
    std::lock_guard lock(mutex_);
    jobs.swap(jobs_);
  }
  for (auto& job : jobs) job();
}

void TcpGate::Impl::Loop() {
  std::vector<pollfd> fds;
  for (;;) {
    if (WaitForEvents(fds) < 0) FatalErrno("poll");
    {
      std::lock_guard lock(mutex_);
      if (stopping_) return;
    }
    size_t i = 2;
    for (Connection& c : connections_) {
      Serve(c, fds[i].revents, fds[i + 1].revents);
      i += 2;
    }
    connections_.remove_if([](const Connection& c) { return c.closed; });
    if (fds[1].revents != 0) Accept();
    if (fds[0].revents != 0) RunJobs();
    connections_.remove_if([](const Connection& c) { return c.closed; });
  }
}

// Two entries per connection, in the list's order, after the wake-up and the listener.
int TcpGate::Impl::WaitForEvents(std::vector<pollfd>& fds) {
  fds.assign({{wake_, POLLIN, 0}, {listener_, POLLIN, 0}});
  const Clock::time_point now = Clock::now();
  Clock::time_point next = Clock::time_point::max();
  const auto wants = [&](const Pipe& in, const Pipe& out) {
    short events = 0;
    if (!in.eof && in.held_bytes < kMaxHeldBytes) events |= POLLIN;
    if (out.chunks.empty()) return events;
    if (out.chunks.front().due <= now) return static_cast<short>(events | POLLOUT);
    next = std::min(next, out.chunks.front().due);
    return events;
  };
  for (Connection& c : connections_) {
    // A socket which is not watched is given as -1: poll would report its end over and over.
    pollfd client = {c.client, 0, 0};
    pollfd server = {c.server, 0, 0};
    if (forwards() && c.server < 0 && !c.cut) {
      c.server = server.fd = Connect();
      if (c.server < 0) {
        ++stats_.refused;
        Drop(c);
      }
    }
    if (!c.closed && c.cut) {
      client.events = static_cast<short>(c.to_client.chunks.empty() ? POLLIN : POLLIN | POLLOUT);
    } else if (!c.closed && forwards()) {
      client.events = wants(c.to_server, c.to_client);
      server.events = wants(c.to_client, c.to_server);
    }
    if (client.events == 0 || c.closed) client.fd = -1;
    if (server.events == 0 || c.closed) server.fd = -1;
    fds.push_back(client);
    fds.push_back(server);
  }
  int timeout_ms = -1;
  if (next != Clock::time_point::max()) {
    timeout_ms = static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(next - now).count());
  }
  const int ready = ::poll(fds.data(), fds.size(), timeout_ms);
  return ready < 0 && errno == EINTR ? 0 : ready;
}

void TcpGate::Impl::Serve(Connection& c, short client_events, short server_events) {
  if (c.closed) return;
  if (c.cut) {
    if ((client_events & POLLOUT) != 0) WriteTo(c, false);
    if (!c.closed && (client_events & ~POLLOUT) != 0) Discard(c);
    return;
  }
  if (!forwards()) return;
  if ((client_events & ~POLLOUT) != 0) ReadFrom(c, false);
  if (!c.closed && (server_events & ~POLLOUT) != 0) ReadFrom(c, true);
  if (!c.closed) WriteTo(c, true);
  if (!c.closed) WriteTo(c, false);
  if (!c.closed && c.to_server.finished && c.to_client.finished) Finish(c);
}

void TcpGate::Impl::Accept() {
  for (;;) {
    const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) return;
    if (mode_ == Mode::kRefuse) {
      ++stats_.refused;
      Reset(fd);
      continue;
    }
    SetNoDelay(fd);
    ++stats_.accepted;
    ++stats_.open;
    connections_.emplace_back().client = fd;
  }
}

int TcpGate::Impl::Connect() const {
  const bool unix_socket = !upstream_path_.empty();
  sockaddr_un path = {};
  path.sun_family = AF_UNIX;
  std::strncpy(path.sun_path, upstream_path_.c_str(), sizeof(path.sun_path) - 1);
  const sockaddr_in tcp = Loopback(upstream_port_);
  const int fd =
      ::socket(unix_socket ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) FatalErrno("socket");
  SetNoDelay(fd);
  const int result = unix_socket
                         ? ::connect(fd, reinterpret_cast<const sockaddr*>(&path), sizeof(path))
                         : ::connect(fd, reinterpret_cast<const sockaddr*>(&tcp), sizeof(tcp));
  if (result == 0 || errno == EINPROGRESS) return fd;
  ::close(fd);
  return -1;
}

void TcpGate::Impl::ReadFrom(Connection& c, bool from_server) {
  Pipe& pipe = from_server ? c.to_client : c.to_server;
  std::string bytes(kReadBytes, '\0');
  const ssize_t n = ::recv(from_server ? c.server : c.client, bytes.data(), bytes.size(), 0);
  if (n < 0) {
    if (errno == EAGAIN || errno == EINTR) return;
    if (errno == ECONNREFUSED) ++stats_.refused;
    Drop(c);
    return;
  }
  if (n == 0) {
    pipe.eof = true;
    return;
  }
  size_t size = static_cast<size_t>(n);
  const bool cutting = from_server && mode_ == Mode::kCut;
  if (cutting) size = Budgeted(size);
  bytes.resize(size);
  if (size > 0) {
    pipe.held_bytes += size;
    pipe.chunks.push_back({Clock::now() + delay_, std::move(bytes)});
  }
  if (cutting && cut_budget_ == 0) CutAll();
}

// How much of `n` bytes of a reply may still go through.
size_t TcpGate::Impl::Budgeted(size_t n) {
  const size_t allowed = std::min(n, static_cast<size_t>(cut_budget_));
  cut_budget_ -= static_cast<int64_t>(allowed);
  return allowed;
}

void TcpGate::Impl::CutAll() {
  mode_ = Mode::kPass;
  for (Connection& c : connections_) {
    if (c.closed || c.cut) continue;
    ++stats_.dropped;
    c.cut = true;
    c.to_client.eof = true;
    c.to_server.chunks.clear();
    if (c.server >= 0) ::close(std::exchange(c.server, -1));
    WriteTo(c, false);
  }
}

void TcpGate::Impl::WriteTo(Connection& c, bool to_server) {
  Pipe& pipe = to_server ? c.to_server : c.to_client;
  const int fd = to_server ? c.server : c.client;
  int64_t& counter = to_server ? stats_.to_server_bytes : stats_.to_client_bytes;
  while (!pipe.chunks.empty() && pipe.chunks.front().due <= Clock::now()) {
    std::string& bytes = pipe.chunks.front().bytes;
    const ssize_t n = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n < 0) {
      if (errno == EAGAIN || errno == EINTR) return;
      Drop(c);
      return;
    }
    counter += n;
    pipe.held_bytes -= static_cast<size_t>(n);
    bytes.erase(0, static_cast<size_t>(n));
    if (bytes.empty()) pipe.chunks.pop_front();
  }
  if (pipe.eof && !pipe.finished && pipe.chunks.empty()) {
    pipe.finished = true;
    ::shutdown(fd, SHUT_WR);
  }
}

// After a cut the client may go on sending for a while; closing with its bytes unread would turn
// the orderly end into a reset.
void TcpGate::Impl::Discard(Connection& c) {
  char bytes[4096];
  const ssize_t n = ::recv(c.client, bytes, sizeof(bytes), 0);
  if (n == 0) {
    Finish(c);
  } else if (n < 0 && errno != EAGAIN && errno != EINTR) {
    Drop(c);
  }
}

void TcpGate::Impl::Drop(Connection& c) {
  if (c.closed) return;
  c.closed = true;
  --stats_.open;
  Reset(c.client);
  Reset(c.server);
}

void TcpGate::Impl::Finish(Connection& c) {
  c.closed = true;
  --stats_.open;
  ::close(c.client);
  if (c.server >= 0) ::close(c.server);
}

TcpGate::TcpGate(int upstream_port) : impl_(std::make_unique<Impl>(upstream_port, "")) {}

TcpGate::TcpGate(const std::string& upstream_unix_path)
    : impl_(std::make_unique<Impl>(0, upstream_unix_path)) {}

TcpGate::~TcpGate() = default;

int TcpGate::port() const { return impl_->port_; }

void TcpGate::Pass() { impl_->SwitchTo(Mode::kPass, {}, 0); }

void TcpGate::Refuse() { impl_->SwitchTo(Mode::kRefuse, {}, 0); }

void TcpGate::Hang() { impl_->SwitchTo(Mode::kHang, {}, 0); }

void TcpGate::Delay(absl::Duration delay) {
  const auto each_way =
      std::chrono::duration_cast<Clock::duration>(absl::ToChronoNanoseconds(delay));
  impl_->SwitchTo(Mode::kDelay, each_way, 0);
}

void TcpGate::CutAfter(int64_t reply_bytes) { impl_->SwitchTo(Mode::kCut, {}, reply_bytes); }

void TcpGate::DropConnections() {
  impl_->Run([this] {
    for (Connection& c : impl_->connections_) {
      if (!c.closed) ++impl_->stats_.dropped;
      impl_->Drop(c);
    }
  });
}

TcpGate::Stats TcpGate::stats() const {
  Stats stats;
  impl_->Run([&] { stats = impl_->stats_; });
  return stats;
}

}  // namespace quotaplane::fixtures
