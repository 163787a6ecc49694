#include "libs/testing/resp_client.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/testing/redis_server.h"

namespace quotaplane::fixtures {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(RespClientTest, SpeaksEveryKindOfReply) {
  const RedisServer server;
  std::optional<RespClient> client = RespClient::ConnectTcp(server.port());
  ASSERT_TRUE(client.has_value());
  const std::string binary("\0\r\n$5\xff", 6);
  EXPECT_EQ(client->Command({"SET", binary, binary + "x"})->text, "OK");
  EXPECT_EQ(client->Command({"GET", binary})->text, binary + "x");
  EXPECT_EQ(client->Command({"GET", "absent"})->type, RespReply::Type::kNil);
  EXPECT_EQ(client->Command({"STRLEN", binary})->integer, 7);
  const std::optional<RespReply> error = client->Command({"INCR", binary});
  EXPECT_TRUE(error->is_error());
  EXPECT_THAT(error->text, HasSubstr("not an integer"));
  const std::optional<RespReply> nested =
      client->Command({"EVAL", "return {1,{'a',false},{}}", "0"});
  EXPECT_EQ(nested->DebugString(), "1\na\n(nil)\n\n\n");
  const std::string large(3 << 20, 'l');
  EXPECT_EQ(client->Command({"ECHO", large})->text, large);
  EXPECT_EQ(client->Command({"SET", "empty", ""})->text, "OK");
  EXPECT_EQ(client->Command({"GET", "empty"})->type, RespReply::Type::kText);
}

TEST(RespClientTest, SilenceEndsInATimeout) {
  RedisServer server;
  std::optional<RespClient> client =
      RespClient::ConnectUnix(server.socket_path(), absl::Milliseconds(20));
  ASSERT_TRUE(client.has_value());
  server.Pause();
  EXPECT_FALSE(client->Command({"PING"}).has_value());
  server.Resume();
}

TEST(RespClientTest, NobodyListens) {
  const FreePort port;
  EXPECT_FALSE(RespClient::ConnectTcp(port.port()).has_value());
  EXPECT_FALSE(RespClient::ConnectUnix("/tmp/nobody/listens").has_value());
}

TEST(InfoFieldTest, FindsWholeNamesOnly) {
  const std::string info = "# Memory\r\nused_memory:123\r\nused_memory_human:9\r\nlast:x";
  EXPECT_EQ(InfoField(info, "used_memory"), "123");
  EXPECT_EQ(InfoField(info, "last"), "x");
  EXPECT_EQ(InfoField(info, "used"), "");
}

}  // namespace
}  // namespace quotaplane::fixtures
