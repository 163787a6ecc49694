// The public JSON of protobuf messages: field names as in the .proto, defaults written out, int64
// as strings.
#pragma once

#include <google/protobuf/message.h>

#include <string>

namespace quotaplane::client {

// Indented, ended by a line feed.
std::string ToJson(const google::protobuf::Message& message);
// The same on one line, for JSON lines.
std::string ToJsonLine(const google::protobuf::Message& message);

}  // namespace quotaplane::client
