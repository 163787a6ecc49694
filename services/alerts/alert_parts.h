// What the alerts role is made of once its database is open.
#pragma once

#include <memory>

#include "libs/alerts/alert_dispatch.h"
#include "libs/alerts/alert_store.h"
#include "libs/alerts/delivery_queue.h"
#include "libs/control/change.h"
#include "libs/control/curbs_store.h"
#include "libs/control/item_source.h"
#include "libs/control/publisher.h"
#include "libs/sql/database.h"

namespace quotaplane {

// In the order in which they are made: later ones use earlier ones.
struct AlertParts {
  std::unique_ptr<sql::Database> database;
  std::unique_ptr<ItemSource> items;
  std::unique_ptr<Publisher> publisher;  // has a thread
  std::unique_ptr<Changes> changes;
  std::unique_ptr<CurbStore> curbs;
  std::unique_ptr<AlertStore> alerts;
  std::unique_ptr<DeliveryQueue> queue;
  std::unique_ptr<AlertDispatch> dispatch;  // has threads
};

}  // namespace quotaplane
