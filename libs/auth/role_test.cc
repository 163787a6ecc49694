#include "libs/auth/role.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace quotaplane {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const std::vector<Role> kReaders = {Role::kViewer, Role::kFinance};

TEST(Role, NamesAreReadBack) {
  for (int i = 0; i < kRoleCount; ++i) {
    const Role role = static_cast<Role>(i);
    EXPECT_EQ(ParseRole(RoleName(role)), role);
  }
  EXPECT_EQ(ParseRole("root"), std::nullopt);
  EXPECT_EQ(ParseRole(""), std::nullopt);
}

TEST(Principal, ARoleIsOfItsOrgAlone) {
  const Principal principal{"p", {{Role::kViewer, "acme"}, {Role::kAdmin, "*"}}};
  EXPECT_TRUE(principal.MayAs(kReaders, "acme"));
  EXPECT_FALSE(principal.MayAs(kReaders, "globex"));
  EXPECT_FALSE(principal.MayAs(kReaders, ""));
  EXPECT_FALSE(principal.MayAs(kReaders, "*"));
  EXPECT_TRUE(principal.MayAs({Role::kAdmin}, "globex"));
  EXPECT_TRUE(principal.MayAs({Role::kAdmin}, ""));
  EXPECT_FALSE(principal.MayAs({Role::kGateway}, "acme"));
  EXPECT_FALSE(principal.MayAs({}, "acme"));
}

TEST(Principal, TheOrgsOfARole) {
  const Principal principal{
      "p",
      {{Role::kViewer, "b"}, {Role::kFinance, "a"}, {Role::kViewer, "a"}, {Role::kAdmin, "*"}}};
  EXPECT_THAT(principal.OrgsAs(kReaders), ElementsAre("a", "b"));
  EXPECT_THAT(principal.OrgsAs({Role::kAdmin, Role::kViewer}), ElementsAre("*"));
  EXPECT_THAT(principal.OrgsAs({Role::kGateway}), IsEmpty());
  EXPECT_TRUE(principal.MayAsAnywhere(kReaders));
  EXPECT_FALSE(principal.MayAsAnywhere({Role::kGateway}));
}

TEST(Principal, AnonymousMayAllAndUnknownNothing) {
  for (int i = 0; i < kRoleCount; ++i) {
    EXPECT_TRUE(AnonymousPrincipal()->MayAs({static_cast<Role>(i)}, ""));
    EXPECT_FALSE(UnknownPrincipal()->MayAsAnywhere({static_cast<Role>(i)}));
  }
}

TEST(RolesFor, WhatIsNotInTheTableIsForNobody) {
  EXPECT_EQ(RolesFor("/quotaplane.v1.QuotaService/Drop"), nullptr);
  EXPECT_EQ(RolesFor("quotaplane.v1.QuotaService/Reserve"), nullptr);
  EXPECT_EQ(RolesFor(""), nullptr);
  ASSERT_NE(RolesFor("/quotaplane.v1.QuotaService/Reserve"), nullptr);
  EXPECT_THAT(*RolesFor("/quotaplane.v1.QuotaService/Reserve"), ElementsAre(Role::kGateway));
  EXPECT_THAT(*RolesFor("/grpc.health.v1.Health/Check"), IsEmpty());
}

}  // namespace
}  // namespace quotaplane
