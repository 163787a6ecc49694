#include "services/quota/reflection.h"

#include <memory>
#include <unordered_set>
#include <utility>

#include "services/rpc/parse_request.h"

namespace quotaplane {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::DescriptorPool;
using google::protobuf::FieldDescriptor;
using google::protobuf::FileDescriptor;
using grpc::reflection::v1alpha::ExtensionRequest;
using grpc::reflection::v1alpha::FileDescriptorResponse;
using Request = grpc::reflection::v1alpha::ServerReflectionRequest;
using Response = grpc::reflection::v1alpha::ServerReflectionResponse;

void SetError(grpc::StatusCode code, const char* message, Response* response) {
  response->mutable_error_response()->set_error_code(code);
  response->mutable_error_response()->set_error_message(message);
}

// `file`, and what it imports, each file once.
void AddFiles(const FileDescriptor* file, std::unordered_set<const FileDescriptor*>* added,
              FileDescriptorResponse* response) {
  if (!added->insert(file).second) return;
  google::protobuf::FileDescriptorProto proto;
  file->CopyTo(&proto);
  proto.SerializeToString(response->add_file_descriptor_proto());
  for (int i = 0; i < file->dependency_count(); ++i) {
    AddFiles(file->dependency(i), added, response);
  }
}

void FillFile(const FileDescriptor* file, Response* response) {
  if (file == nullptr) return SetError(grpc::NOT_FOUND, "no such file or symbol", response);
  std::unordered_set<const FileDescriptor*> added;
  AddFiles(file, &added, response->mutable_file_descriptor_response());
}

const FileDescriptor* FileOf(const ExtensionRequest& extension, const DescriptorPool& pool) {
  const Descriptor* type = pool.FindMessageTypeByName(extension.containing_type());
  if (type == nullptr) return nullptr;
  const FieldDescriptor* field = pool.FindExtensionByNumber(type, extension.extension_number());
  return field == nullptr ? nullptr : field->file();
}

void FillExtensionNumbers(const std::string& type_name, const DescriptorPool& pool,
                          Response* response) {
  const Descriptor* type = pool.FindMessageTypeByName(type_name);
  if (type == nullptr) return SetError(grpc::NOT_FOUND, "no such message", response);
  std::vector<const FieldDescriptor*> extensions;
  pool.FindAllExtensions(type, &extensions);
  auto* numbers = response->mutable_all_extension_numbers_response();
  numbers->set_base_type_name(type_name);
  for (const FieldDescriptor* extension : extensions) {
    numbers->add_extension_number(extension->number());
  }
}

// Reads the next question when the last one is answered, so that at most one waits.
class Info : public StreamHandler {
 public:
  Info(const std::vector<std::string>& services, StreamCall* call)
      : services_(services), call_(call) {}

  void OnMessage(grpc::ByteBuffer* message) override {
    Request request;
    const absl::Status parsed =
        ParseRequest("ServerReflectionRequest", message, call_->caller(), &request);
    if (!parsed.ok()) return call_->Finish(parsed);
    call_->Write(Reflect(request, services_, *DescriptorPool::generated_pool()));
  }
  void OnEndOfMessages() override { call_->Finish(absl::OkStatus()); }
  void OnWritten() override { call_->Read(); }
  void OnDrain() override { call_->Leave(); }

 private:
  const std::vector<std::string> services_;
  StreamCall* const call_;
};

}  // namespace

Response Reflect(const Request& request, const std::vector<std::string>& services,
                 const DescriptorPool& pool) {
  Response response;
  response.set_valid_host(request.host());
  *response.mutable_original_request() = request;
  switch (request.message_request_case()) {
    case Request::kFileByFilename:
      FillFile(pool.FindFileByName(request.file_by_filename()), &response);
      break;
    case Request::kFileContainingSymbol:
      FillFile(pool.FindFileContainingSymbol(request.file_containing_symbol()), &response);
      break;
    case Request::kFileContainingExtension:
      FillFile(FileOf(request.file_containing_extension(), pool), &response);
      break;
    case Request::kAllExtensionNumbersOfType:
      FillExtensionNumbers(request.all_extension_numbers_of_type(), pool, &response);
      break;
    case Request::kListServices:
      for (const std::string& name : services) {
        response.mutable_list_services_response()->add_service()->set_name(name);
      }
      break;
    case Request::MESSAGE_REQUEST_NOT_SET:
      SetError(grpc::INVALID_ARGUMENT, "the request asks nothing", &response);
      break;
  }
  return response;
}

void ServeReflection(const std::vector<std::string>& services, StreamCalls* calls) {
  const auto info = [services](StreamCall* call) { return std::make_unique<Info>(services, call); };
  calls->Add("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", info);
  // The same messages under their later name, for clients that try that first. It is not listed,
  // since there is no file to describe it.
  calls->Add("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", info);
}

}  // namespace quotaplane
