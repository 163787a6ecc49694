// Early returns for absl::Status and absl::StatusOr.
#pragma once

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#define QP_CONCAT_INNER(a, b) a##b
#define QP_CONCAT(a, b) QP_CONCAT_INNER(a, b)

// Returns from the enclosing function if `expr`, an absl::Status, is not OK.
#define QP_RETURN_IF_ERROR(expr)                          \
  do {                                                    \
    if (absl::Status _st = (expr); !_st.ok()) return _st; \
  } while (false)

// Declares or assigns `lhs` from an absl::StatusOr, or returns its status from the enclosing
// function. `lhs` may be a declaration, so it cannot stand in parentheses.
#define QP_ASSIGN_OR_RETURN(lhs, expr) \
  QP_ASSIGN_OR_RETURN_IMPL(QP_CONCAT(_qp_or_, __LINE__), lhs, expr)
#define QP_ASSIGN_OR_RETURN_IMPL(tmp, lhs, expr) \
  auto tmp = (expr);                             \
  if (!tmp.ok()) return tmp.status();            \
  lhs = *std::move(tmp)
