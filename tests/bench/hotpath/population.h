// Who sends the benchmark's requests: 100,000 users of twenty orgs, and the bytes of their
// messages.
//
// Everything that does not change from call to call is serialized once, so that the client, which
// shares the machine with the server, costs little: a request is two slices, the id field and the
// rest (protobuf takes fields in any order).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/slice.h"

namespace quotaplane::bench {

class Population {
 public:
  // `run` makes the ids of this population unlike those of others.
  Population(int users, std::string run);

  int users() const { return static_cast<int>(reserve_rest_.size()); }

  // The messages for reservation number `sequence`; its user is sequence mod users(). The same
  // number names the same reservation in both. Thread-safe.
  grpc::ByteBuffer Reserve(int64_t sequence) const;
  grpc::ByteBuffer Commit(int64_t sequence) const;
  grpc::ByteBuffer Empty() const;

 private:
  grpc::ByteBuffer Join(int64_t sequence, const std::vector<grpc::Slice>& rest) const;

  std::string run_;
  std::vector<grpc::Slice> reserve_rest_;  // by user
  std::vector<grpc::Slice> commit_rest_;   // by user
};

}  // namespace quotaplane::bench
