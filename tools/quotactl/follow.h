// A stream of the server's that somebody wants to go on reading: where it breaks, it is opened
// anew.
#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>

#include "absl/status/status.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "tools/quotactl/globals.h"

namespace quotaplane::quotactl {

inline constexpr absl::Duration kFollowPause = absl::Seconds(1);

// Says when a stream is worth another, and tells people (on stderr) once each time that the server
// goes away. Not thread-safe.
class Reopening {
 public:
  // A message came.
  void Took();
  // A stream ended like that. False: what it says is to be reported, since no stream has ever come
  // about, or since the next one would not fare better.
  bool IsWorthIt(const grpc::Status& status, absl::Duration lasted);

 private:
  bool connected_ = false;  // ever
  bool told_ = false;       // since the last message
};

// Reads one stream after the other and hands each message to `take`; `open` asks for what comes
// after what was taken. Returns the exit code once `take` fails, or a stream does and is not worth
// another; the error is reported then.
template <typename Message, typename Open, typename Take>
int Follow(const Globals& globals, const client::Connection& connection, Open open, Take take,
           absl::Duration pause = kFollowPause) {
  Reopening reopening;
  while (true) {
    const absl::Time start = absl::Now();
    grpc::ClientContext context;
    const std::unique_ptr<grpc::ClientReader<Message>> stream = open(&context);
    Message message;
    while (stream->Read(&message)) {
      reopening.Took();
      const absl::Status taken = take(message);
      if (!taken.ok()) return ReportError(globals, taken);
    }
    const grpc::Status status = stream->Finish();
    if (!reopening.IsWorthIt(status, absl::Now() - start)) {
      return ReportError(globals, connection, status);
    }
    absl::SleepFor(pause);
  }
}

// Writes the line to stdout at once: whoever reads it acts on it. UNAVAILABLE: it cannot be
// written.
absl::Status WriteLine(const std::string& line);

}  // namespace quotaplane::quotactl
