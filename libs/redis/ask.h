// One question over a connection of its own: for sentinels and for servers that are not (yet) nodes
// of the client.
#pragma once

#include <functional>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/redis/engine.h"
#include "libs/redis/url.h"

namespace quotaplane::redis {

// `done` runs once, on the io thread, as this must. Bounded by the connect timeout to connect and
// as much to answer.
void Ask(Engine& engine, const Endpoint& endpoint, const Credentials& credentials,
         const std::vector<std::string_view>& args,
         std::function<void(absl::StatusOr<Reply>)> done);

}  // namespace quotaplane::redis
