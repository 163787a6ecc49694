// A byte stream to one server: unix, TCP or TLS over either, on Asio.
#pragma once

#include <asio/io_context.hpp>
#include <asio/ssl/context.hpp>
#include <cstddef>
#include <memory>
#include <optional>
#include <string_view>
#include <system_error>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "libs/redis/url.h"

namespace quotaplane::redis {

using IoHandler = absl::AnyInvocable<void(std::error_code, size_t)>;

// Everything on the io thread, except TrySend. Buffers must outlive their operation; one read and
// one write at a time.
class Transport {
 public:
  virtual ~Transport() = default;

  // Connects, and for TLS shakes hands and verifies the host. Called once.
  virtual void AsyncConnect(absl::AnyInvocable<void(absl::Status)> done) = 0;
  virtual void AsyncReadSome(char* buffer, size_t size, IoHandler done) = 0;
  virtual void AsyncWriteAll(std::string_view bytes, IoHandler done) = 0;

  // Whether TrySend works here. TLS state is not to be shared between threads: there, it does not.
  virtual bool CanSendFromAnyThread() const = 0;
  // Sends what fits now, from any thread, while no AsyncWriteAll is under way. The number of bytes
  // taken, or the error.
  virtual size_t TrySend(std::string_view bytes, std::error_code& error) = 0;

  // Ends what is under way with an error. The descriptor stays reserved until the destructor, so
  // that a TrySend on another thread cannot hit a stranger's.
  virtual void Close() = 0;
};

// `tls` null: plain.
std::unique_ptr<Transport> MakeTransport(asio::io_context& io, asio::ssl::context* tls,
                                         const Endpoint& endpoint);

// The context for clients: TLS 1.2 on, the peer is verified. INVALID_ARGUMENT naming the file that
// cannot be used.
absl::StatusOr<std::unique_ptr<asio::ssl::context>> MakeTlsContext(const TlsFiles& files);

}  // namespace quotaplane::redis
