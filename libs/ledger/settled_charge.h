// One Commit or Record as the outbox hands it to the ledger: what was charged, and how it was
// settled.
#pragma once

#include <cstdint>

#include "libs/admission/charge_record.h"

namespace quotaplane {

struct Settlement {
  int64_t occurred_at_us = 0;  // by the counter store's clock
  int64_t held_nano_usd = 0;
  int64_t overrun_nano_usd = 0;
  bool late = false;
  bool unreserved = false;
};

struct SettledCharge {
  ChargeRecord charge;
  Settlement settlement;
};

}  // namespace quotaplane
