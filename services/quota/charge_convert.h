// ChargeRecord <-> ledger.proto: the format of the outbox and of the spool.
#pragma once

#include "libs/admission/admission.h"

namespace quotaplane {

class LedgerCodec : public ChargeCodec {
 public:
  std::string Encode(const ChargeRecord& record) const override;
  // DATA_LOSS if the bytes are not a record, or one that could not have been encoded here.
  absl::StatusOr<ChargeRecord> Decode(const std::string& bytes) const override;
  std::string EncodeRefusals(const RefusalBatch& batch) const override;
  absl::StatusOr<RefusalBatch> DecodeRefusals(const std::string& bytes) const override;
};

}  // namespace quotaplane
