#include "libs/redis/url.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace quotaplane::redis {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(UrlTest, UnixSocket) {
  const auto url = ParseUrl("unix:///run/my%20redis.sock?db=3");
  ASSERT_TRUE(url.ok()) << url.status();
  EXPECT_EQ(url->topology, Topology::kStandalone);
  EXPECT_EQ(url->endpoints[0].path, "/run/my redis.sock");
  EXPECT_EQ(url->endpoints[0].ToString(), "unix:/run/my redis.sock");
  EXPECT_EQ(url->db, 3);
  EXPECT_FALSE(url->tls);
  const auto with_user = ParseUrl("unix://u:p@/run/r.sock");
  ASSERT_TRUE(with_user.ok()) << with_user.status();
  EXPECT_EQ(with_user->credentials.user, "u");
  EXPECT_EQ(with_user->endpoints[0].path, "/run/r.sock");
}

TEST(UrlTest, HostsPortsAndDatabase) {
  const auto plain = ParseUrl("redis://localhost");
  ASSERT_TRUE(plain.ok()) << plain.status();
  EXPECT_EQ(plain->endpoints[0].ToString(), "localhost:6379");
  EXPECT_EQ(plain->db, 0);
  const auto full = ParseUrl("redis://10.0.0.1:7000/12");
  ASSERT_TRUE(full.ok()) << full.status();
  EXPECT_EQ(full->endpoints[0].ToString(), "10.0.0.1:7000");
  EXPECT_EQ(full->db, 12);
  const auto six = ParseUrl("redis://[::1]:7001/");
  ASSERT_TRUE(six.ok()) << six.status();
  EXPECT_EQ(six->endpoints[0].host, "::1");
  EXPECT_EQ(six->endpoints[0].ToString(), "[::1]:7001");
  EXPECT_EQ(ParseUrl("redis://[fe80::2]")->endpoints[0].port, 6379);
}

TEST(UrlTest, UserInfoIsPercentDecoded) {
  const auto url = ParseUrl("redis://al%40ice:p%3a%2Fss@h");
  ASSERT_TRUE(url.ok()) << url.status();
  EXPECT_EQ(url->credentials.user, "al@ice");
  EXPECT_EQ(url->credentials.password, "p:/ss");
  EXPECT_EQ(url->endpoints[0].host, "h");
  const auto only_password = ParseUrl("redis://:secret@h:1");
  ASSERT_TRUE(only_password.ok()) << only_password.status();
  EXPECT_EQ(only_password->credentials.user, "");
  EXPECT_EQ(only_password->credentials.password, "secret");
}

TEST(UrlTest, Sentinel) {
  const auto url = ParseUrl("redis+sentinel://a,b:5,[::1]/my%20master/2");
  ASSERT_TRUE(url.ok()) << url.status();
  EXPECT_EQ(url->topology, Topology::kSentinel);
  ASSERT_EQ(url->endpoints.size(), 3u);
  EXPECT_EQ(url->endpoints[0].ToString(), "a:26379");
  EXPECT_EQ(url->endpoints[1].ToString(), "b:5");
  EXPECT_EQ(url->endpoints[2].ToString(), "[::1]:26379");
  EXPECT_EQ(url->master_name, "my master");
  EXPECT_EQ(url->db, 2);
}

TEST(UrlTest, ClusterOverTls) {
  const auto url = ParseUrl("rediss+cluster://u:p@a:1,b?cafile=/c%26a.pem&certfile=c&keyfile=k");
  ASSERT_TRUE(url.ok()) << url.status();
  EXPECT_EQ(url->topology, Topology::kCluster);
  EXPECT_TRUE(url->tls);
  EXPECT_EQ(url->endpoints[1].ToString(), "b:6379");
  EXPECT_EQ(url->tls_files.ca, "/c&a.pem");
  EXPECT_EQ(url->tls_files.cert, "c");
  EXPECT_EQ(url->tls_files.key, "k");
}

TEST(UrlTest, MalformedOnesSayWhatIsWrongAndNeverTheSecret) {
  const struct {
    const char* url;
    const char* says;
  } cases[] = {
      {"", "scheme"},
      {"localhost:6379", "scheme"},
      {"http://h", "scheme"},
      {"redis+ring://h", "sentinel or cluster"},
      {"unix+cluster:///x", "scheme"},
      {"unix://", "absolute path"},
      {"unix://run/x", "absolute path"},
      {"redis://", "host is missing"},
      {"redis://:hunter2@", "host is missing"},
      {"redis://u:hunter2@h:0", "1 to 65535"},
      {"redis://u:hunter2@h:65536", "1 to 65535"},
      {"redis://u:hunter2@h:+80", "1 to 65535"},
      {"redis://u:hunter2@h:x", "1 to 65535"},
      {"redis://u:hunter2@h:", "1 to 65535"},
      {"redis://u:hunter2%zz@h", "percent-encoding"},
      {"redis://u:hunter2%4@h", "percent-encoding"},
      {"redis://u:hunter2@h/one", "database"},
      {"redis://u:hunter2@h/-1", "database"},
      {"redis://u:hunter2@a,b", "several hosts"},
      {"redis://u:hunter2@::1", "brackets"},
      {"redis://u:hunter2@[::1", "']'"},
      {"redis://u:hunter2@[::1]80", "':port'"},
      {"redis://u:hunter2@h h", "character"},
      {"redis://u:hunter2@h?timeout=3", "query key 'timeout'"},
      {"redis://u:hunter2@h?cafile=x", "query key 'cafile'"},
      {"rediss://u:hunter2@h?cafile", "key=value"},
      {"rediss://u:hunter2@h?cafile=a&cafile=b", "twice"},
      {"rediss://u:hunter2@h?certfile=a", "go together"},
      {"redis+sentinel://u:hunter2@h", "/master-name"},
      {"redis+cluster://u:hunter2@a,,b", "host is missing"},
      {"redis+cluster://u:hunter2@a/1", "database 0"},
  };
  for (const auto& c : cases) {
    const auto url = ParseUrl(c.url);
    ASSERT_EQ(url.status().code(), absl::StatusCode::kInvalidArgument) << c.url;
    EXPECT_THAT(url.status().message(), HasSubstr(c.says)) << c.url;
    EXPECT_THAT(url.status().message(), Not(HasSubstr("hunter2"))) << c.url;
  }
}

TEST(UrlTest, HostPortAsRedisWritesIt) {
  EXPECT_EQ(ParseHostPort("127.0.0.1:7000")->ToString(), "127.0.0.1:7000");
  EXPECT_EQ(ParseHostPort("::1:7000")->ToString(), "[::1]:7000");
  EXPECT_EQ(ParseHostPort("[::1]:7000")->host, "::1");
  EXPECT_EQ(ParseHostPort(":7000")->host, "");
  EXPECT_FALSE(ParseHostPort("h").ok());
  EXPECT_FALSE(ParseHostPort("h:").ok());
  EXPECT_FALSE(ParseHostPort("[h:1").ok());
}

}  // namespace
}  // namespace quotaplane::redis
