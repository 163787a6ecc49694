// What the admin role is made of once its database is open.
#pragma once

#include <memory>

#include "libs/control/audit_log.h"
#include "libs/control/change.h"
#include "libs/control/curbs_store.h"
#include "libs/control/exceptions.h"
#include "libs/control/item_source.h"
#include "libs/control/key_store.h"
#include "libs/control/policy_versions.h"
#include "libs/control/price_books.h"
#include "libs/control/publisher.h"
#include "libs/control/state.h"
#include "libs/sql/database.h"

namespace quotaplane {

// In the order in which they are made: later ones use earlier ones.
struct AdminParts {
  std::unique_ptr<sql::Database> database;
  std::unique_ptr<ItemSource> items;
  std::unique_ptr<Publisher> publisher;  // has a thread
  std::unique_ptr<Changes> changes;
  std::unique_ptr<PolicyVersions> policies;
  std::unique_ptr<ExceptionStore> exceptions;
  std::unique_ptr<CurbStore> curbs;
  std::unique_ptr<KeyStore> keys;
  std::unique_ptr<PriceBookStore> prices;
  std::unique_ptr<OrgState> state;
  std::unique_ptr<AuditLog> audit;
};

}  // namespace quotaplane
