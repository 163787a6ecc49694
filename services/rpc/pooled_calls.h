// The two kinds of calls that are worked on elsewhere: one answer, or a stream of chunks. Between a
// completion queue's thread and the threads of a pool, which may block.
#pragma once

#include <google/protobuf/message.h>

#include <functional>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "services/rpc/stream_call.h"
#include "services/rpc/work_pool.h"

namespace quotaplane {

// What a worker runs: blocks, touches no call.
using AnswerWork = std::function<absl::StatusOr<std::unique_ptr<google::protobuf::Message>>()>;
// From a request's bytes to work, on the queue's thread: quick. An error ends the call. `caller`
// goes into ParseRequest, and may be copied into the work.
using PrepareAnswer =
    std::function<absl::StatusOr<AnswerWork>(grpc::ByteBuffer* request, const Caller& caller)>;

// Takes one chunk to the client; null sends nothing. An error says that nobody wants more: work
// that has nothing to send for a while asks by that.
using SendChunk = std::function<absl::Status(std::unique_ptr<google::protobuf::Message> chunk)>;
using StreamWork = std::function<absl::Status(const SendChunk& send)>;
using PrepareStream =
    std::function<absl::StatusOr<StreamWork>(grpc::ByteBuffer* request, const Caller& caller)>;

// How long a stream waits for its client to take a chunk; then the call is cancelled.
inline constexpr absl::Duration kStreamStall = absl::Seconds(30);

// A call with one answer. RESOURCE_EXHAUSTED if the pool is full. A call whose client is gone
// before its turn is not worked on. While the server drains, calls that have begun may end.
// `events` is the queue of `call`; `pool` must outlive the call.
std::unique_ptr<StreamHandler> HandleAnswer(PrepareAnswer prepare, WorkPool* pool,
                                            grpc::ServerCompletionQueue* events, StreamCall* call);

// A stream of chunks. One chunk is under way and one waits, whatever the client's pace. A drain
// ends it at once.
std::unique_ptr<StreamHandler> HandleStream(PrepareStream prepare, WorkPool* pool,
                                            grpc::ServerCompletionQueue* events, StreamCall* call,
                                            absl::Duration stall = kStreamStall);

}  // namespace quotaplane
