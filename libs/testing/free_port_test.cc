#include "libs/testing/free_port.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <set>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

namespace quotaplane::fixtures {
namespace {

TEST(FreePortTest, ManyAreDifferentAndInRange) {
  std::vector<FreePort> leases(200);
  std::set<int> ports;
  for (const FreePort& lease : leases) {
    EXPECT_GE(lease.port(), 20'000);
    EXPECT_LT(lease.port(), 32'000);
    ports.insert(lease.port());
  }
  EXPECT_EQ(ports.size(), leases.size());
}

TEST(FreePortTest, ProcessesGetDifferentOnes) {
  constexpr int kProcesses = 8;
  constexpr int kPortsEach = 100;
  int ready[2];
  int finish[2];
  ASSERT_EQ(::pipe(ready), 0);
  ASSERT_EQ(::pipe(finish), 0);
  std::vector<pid_t> children;
  for (int i = 0; i < kProcesses; ++i) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      ::close(finish[1]);
      const std::vector<FreePort> leases(kPortsEach);
      int ports[kPortsEach];
      for (int p = 0; p < kPortsEach; ++p) ports[p] = leases[p].port();
      if (::write(ready[1], ports, sizeof(ports)) != sizeof(ports)) ::_exit(1);
      char end;
      ::_exit(::read(finish[0], &end, 1) == 0
                  ? 0
                  : 1);  // holds the leases until the parent has them all
    }
    children.push_back(child);
  }
  std::set<int> ports;
  for (int i = 0; i < kProcesses * kPortsEach; ++i) {
    int port = 0;
    ASSERT_EQ(::read(ready[0], &port, sizeof(port)), static_cast<ssize_t>(sizeof(port)));
    ports.insert(port);
  }
  EXPECT_EQ(ports.size(), static_cast<size_t>(kProcesses * kPortsEach));
  ::close(finish[1]);
  for (const pid_t child : children) {
    int status = -1;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  }
  for (const int fd : {ready[0], ready[1], finish[0]}) ::close(fd);
}

TEST(FreePortTest, MovesTheLease) {
  FreePort a;
  const int port = a.port();
  FreePort b = std::move(a);
  EXPECT_EQ(b.port(), port);
  FreePort c;
  c = std::move(b);
  EXPECT_EQ(c.port(), port);
}

}  // namespace
}  // namespace quotaplane::fixtures
