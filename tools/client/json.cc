#include "tools/client/json.h"

#include <google/protobuf/util/json_util.h>

namespace quotaplane::client {

std::string ToJson(const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = true;
  options.preserve_proto_field_names = true;
  options.always_print_primitive_fields = true;
  std::string json;
  // Fails only for an Any of a type that is not linked in, which is then left out.
  const auto status = google::protobuf::util::MessageToJsonString(message, &json, options);
  if (!status.ok()) return "{}\n";
  return json;
}

}  // namespace quotaplane::client
