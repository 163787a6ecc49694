#include "services/quota/reflection.h"

#include <gmock/gmock.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

namespace quotaplane {
namespace {

using google::protobuf::FileDescriptorProto;
using grpc::reflection::v1alpha::ServerReflectionRequest;
using grpc::reflection::v1alpha::ServerReflectionResponse;
using ::testing::ElementsAre;
using ::testing::UnorderedElementsAre;

// d imports b and c, which both import a.
constexpr const char* kFiles[] = {
    R"pb(name: "a.proto"
         package: "p"
         message_type {
           name: "Base"
           extension_range { start: 100 end: 200 }
         }
    )pb",
    R"pb(name: "b.proto"
         package: "p"
         dependency: "a.proto"
         extension {
           name: "one"
           number: 101
           extendee: ".p.Base"
           label: LABEL_OPTIONAL
           type: TYPE_INT32
         }
    )pb",
    R"pb(name: "c.proto"
         package: "p"
         dependency: "a.proto"
         extension {
           name: "two"
           number: 102
           extendee: ".p.Base"
           label: LABEL_OPTIONAL
           type: TYPE_INT32
         }
    )pb",
    R"pb(name: "d.proto"
         package: "p"
         dependency: "b.proto"
         dependency: "c.proto"
         message_type { name: "Top" }
         service {
           name: "Service"
           method { name: "Do" input_type: ".p.Top" output_type: ".p.Top" }
         }
    )pb"};

class ReflectionTest : public ::testing::Test {
 protected:
  ReflectionTest() {
    for (const char* text : kFiles) {
      FileDescriptorProto file;
      EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &file));
      EXPECT_NE(pool_.BuildFile(file), nullptr);
    }
  }

  // `request` in text format.
  ServerReflectionResponse Ask(const std::string& request) const {
    ServerReflectionRequest parsed;
    EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(request, &parsed));
    ServerReflectionResponse response = Reflect(parsed, {"p.Service", "q.Other"}, pool_);
    EXPECT_EQ(response.original_request().SerializeAsString(), parsed.SerializeAsString());
    EXPECT_EQ(response.valid_host(), parsed.host());
    return response;
  }

  std::vector<std::string> FilesFor(const std::string& request) const {
    std::vector<std::string> names;
    const ServerReflectionResponse response = Ask(request);
    for (const std::string& bytes : response.file_descriptor_response().file_descriptor_proto()) {
      FileDescriptorProto file;
      EXPECT_TRUE(file.ParseFromString(bytes));
      names.push_back(file.name());
    }
    return names;
  }

  google::protobuf::DescriptorPool pool_;
};

TEST_F(ReflectionTest, AFileComesWithAllThatItImportsOnce) {
  EXPECT_THAT(FilesFor(R"(file_by_filename: "a.proto")"), ElementsAre("a.proto"));
  EXPECT_THAT(FilesFor(R"(file_by_filename: "d.proto" host: "h")"),
              ElementsAre("d.proto", "b.proto", "a.proto", "c.proto"));
}

TEST_F(ReflectionTest, SymbolsOfEveryKind) {
  for (const char* symbol : {"p.Service", "p.Service.Do", "p.Top"}) {
    EXPECT_EQ(FilesFor("file_containing_symbol: \"" + std::string(symbol) + "\"").size(), 4)
        << symbol;
  }
  EXPECT_THAT(FilesFor(R"(file_containing_symbol: "p.one")"), ElementsAre("b.proto", "a.proto"));
}

TEST_F(ReflectionTest, Extensions) {
  EXPECT_THAT(
      FilesFor(R"(file_containing_extension { containing_type: "p.Base" extension_number: 102 })"),
      ElementsAre("c.proto", "a.proto"));
  const auto numbers = Ask(R"(all_extension_numbers_of_type: "p.Base")");
  EXPECT_EQ(numbers.all_extension_numbers_response().base_type_name(), "p.Base");
  EXPECT_THAT(numbers.all_extension_numbers_response().extension_number(),
              UnorderedElementsAre(101, 102));
  const auto none = Ask(R"(all_extension_numbers_of_type: "p.Top")");
  EXPECT_TRUE(none.has_all_extension_numbers_response());
  EXPECT_EQ(none.all_extension_numbers_response().extension_number_size(), 0);
}

TEST_F(ReflectionTest, ListsTheServices) {
  const auto answer = Ask(R"(list_services: "")").list_services_response();
  ASSERT_EQ(answer.service_size(), 2);
  EXPECT_EQ(answer.service(0).name(), "p.Service");
  EXPECT_EQ(answer.service(1).name(), "q.Other");
}

TEST_F(ReflectionTest, WhatIsNotThereIsAnError) {
  for (const char* request :
       {R"(file_by_filename: "e.proto")", R"(file_by_filename: "")",
        R"(file_containing_symbol: "p.Nobody")", R"(file_containing_symbol: "")",
        R"(file_containing_extension { containing_type: "p.Base" extension_number: 103 })",
        R"(file_containing_extension { containing_type: "p.Nobody" extension_number: 101 })",
        R"(file_containing_extension {})", R"(all_extension_numbers_of_type: "p.Service")"}) {
    const ServerReflectionResponse answer = Ask(request);
    EXPECT_EQ(answer.error_response().error_code(), grpc::NOT_FOUND) << request;
    EXPECT_FALSE(answer.error_response().error_message().empty()) << request;
  }
  EXPECT_EQ(Ask("").error_response().error_code(), grpc::INVALID_ARGUMENT);
}

}  // namespace
}  // namespace quotaplane
