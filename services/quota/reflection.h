// grpc.reflection.v1alpha.ServerReflection: the API's descriptors, for tools that call it without
// its proto files.
#pragma once

#include <google/protobuf/descriptor.h>
#include <grpc/reflection/v1alpha/reflection.pb.h>

#include <string>
#include <vector>

#include "services/rpc/stream_call.h"

namespace quotaplane {

// The answer to one question, from the files that `pool` has. A question for what it does not have
// is answered with an error_response NOT_FOUND, one that asks nothing with INVALID_ARGUMENT.
grpc::reflection::v1alpha::ServerReflectionResponse Reflect(
    const grpc::reflection::v1alpha::ServerReflectionRequest& request,
    const std::vector<std::string>& services, const google::protobuf::DescriptorPool& pool);

// Answers about the files that are linked into this program. `services` are listed as served.
void ServeReflection(const std::vector<std::string>& services, StreamCalls* calls);

}  // namespace quotaplane
