#!/usr/bin/env python3
"""Each rule of check_layers.py holds on a clean tree, and fails where the tree breaks it."""

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import check_layers

ORDER = "base money window policy pricing config redis spool counters admission rpc testing".split()


class CheckLayersTest(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        subprocess.run(["git", "init", "-q"], cwd=self.root, check=True)
        self.write("libs/CMakeLists.txt", "".join(f"add_subdirectory({name})\n" for name in ORDER))

    def write(self, path: str, text: str) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def rules(self) -> list[tuple[str, str, int]]:
        return [(v.rule, v.path, v.line) for v in check_layers.check_tree(self.root)]

    def assert_breaks(self, rule: str, path: str, line: int) -> None:
        self.assertIn((rule, path, line), self.rules())

    def test_a_clean_tree_passes(self) -> None:
        self.write("libs/base/hash.h", "#pragma once\n#include <string>\n")
        self.write(
            "libs/policy/policy.h", '#include "libs/base/hash.h"\n#include "absl/status/status.h"\n'
        )
        self.write(
            "libs/policy/policy_test.cc", '#include "gtest/gtest.h"\nauto t = absl::Now();\n'
        )
        self.write("libs/redis/test_client.h", '#include "gtest/gtest.h"\n')
        self.write("libs/redis/client.cc", "#include <hiredis/hiredis.h>\n#include <asio.hpp>\n")
        self.write(
            "services/quota/quota_convert.cc",
            '#include "quotaplane/v1/quota.pb.h"\n#include "libs/policy/policy.h"\n',
        )
        self.write(
            "services/quotaplane/main.cc",
            '#include "libs/counters/redis/store.h"\n#include "services/quota/service.h"\n',
        )
        self.write(
            "tests/e2e/serve_test.cc",
            '#include "libs/testing/server.h"\n#include "libs/counters/redis/store.h"\n',
        )
        self.assertEqual(self.rules(), [])

    def test_order_upwards_include(self) -> None:
        self.write("libs/window/window_test.cc", '// window\n#include "libs/policy/policy.h"\n')
        self.assert_breaks("order", "libs/window/window_test.cc", 2)

    def test_order_unlisted_library(self) -> None:
        self.write("tests/e2e/a_test.cc", '#include "libs/unheard_of/a.h"\n')
        self.assert_breaks("order", "tests/e2e/a_test.cc", 1)

    def test_order_every_edge_points_downwards(self) -> None:
        order = check_layers.layer_order(Path(__file__).resolve().parent.parent)
        for upper, lowers in check_layers.EDGES.items():
            for lower in lowers:
                where = [order.index("/".join(unit.split("/")[:2])) for unit in (lower, upper)]
                self.assertTrue(
                    where[0] < where[1] or upper.startswith(lower + "/"), f"{upper} -> {lower}"
                )

    def test_edge_not_in_the_table(self) -> None:
        self.write(
            "libs/policy/policy.cc",
            '#include "libs/base/hash.h"\n\n#include "libs/base/x.h"\n#include "libs/window/w.h"\n',
        )
        self.assertEqual(self.rules(), [])
        self.write("libs/spool/spool.cc", '#include "libs/redis/client.h"\n')
        self.assert_breaks("edge", "libs/spool/spool.cc", 1)

    def test_edge_interface_to_its_implementation(self) -> None:
        self.write("libs/counters/store.h", '#include "libs/counters/redis/store.h"\n')
        self.assert_breaks("edge", "libs/counters/store.h", 1)

    def test_edge_concrete_store_outside_main(self) -> None:
        self.write("services/quota/service.cc", '#include "libs/counters/redis/store.h"\n')
        self.assert_breaks("edge", "services/quota/service.cc", 1)

    def test_edge_service_to_service(self) -> None:
        self.write("services/quota/service.cc", '#include "services/ledger/worker.h"\n')
        self.assert_breaks("edge", "services/quota/service.cc", 1)

    def test_edge_library_to_service(self) -> None:
        self.write("libs/rpc/server.cc", '#include "services/quota/service.h"\n')
        self.assert_breaks("edge", "libs/rpc/server.cc", 1)

    def test_edge_test_support_in_production_code(self) -> None:
        self.write("services/quota/service.cc", '#include "libs/testing/clock.h"\n')
        self.write("libs/spool/spool.cc", '#include "libs/testing/clock.h"\n')
        self.assert_breaks("edge", "services/quota/service.cc", 1)
        self.assert_breaks("edge", "libs/spool/spool.cc", 1)

    def test_root_relative_include(self) -> None:
        self.write("libs/base/hash.h", "")
        self.write("libs/base/hash.cc", '#include "hash.h"\n')
        self.assert_breaks("root", "libs/base/hash.cc", 1)

    def test_third_party_outside_its_library(self) -> None:
        self.write("libs/counters/a.cc", "#include <hiredis/hiredis.h>\n")
        self.write("services/quota/b.cc", '#include "yaml-cpp/yaml.h"\n')
        self.write("libs/spool/c.cc", "#include <asio.hpp>\n")
        for path in ("libs/counters/a.cc", "services/quota/b.cc", "libs/spool/c.cc"):
            self.assert_breaks("third-party", path, 1)

    def test_third_party_in_every_domain_library(self) -> None:
        headers = (
            "hiredis/hiredis.h",
            "asio.hpp",
            "yaml-cpp/yaml.h",
            "grpcpp/grpcpp.h",
            "google/protobuf/message.h",
            "quotaplane/v1/quota.pb.h",
            "quotaplane/v1/quota.grpc.pb.h",
            "spdlog/spdlog.h",
        )
        for domain in check_layers.DOMAIN:
            text = "".join(f'#include "{header}"\n' for header in headers)
            self.write(f"{domain}/a.cc", text)
            for line in range(1, len(headers) + 1):
                self.assert_breaks("third-party", f"{domain}/a.cc", line)

    def test_pure_domain_library(self) -> None:
        impure = (
            "auto t = absl::Now();",
            "auto t = std::chrono::steady_clock::now();",
            "auto t = std::chrono::system_clock::now();",
            "auto t = time(nullptr);",
            "auto t = std::time(nullptr);",
            "clock_gettime(CLOCK_REALTIME, &ts);",
            'auto e = std::getenv("HOME");',
            "int fd = socket(AF_INET, SOCK_STREAM, 0);",
            "std::ifstream in(path);",
            "std::random_device seed;",
        )
        for domain in check_layers.DOMAIN:
            self.write(f"{domain}/a.cc", "\n".join(impure) + "\n")
            for line in range(1, len(impure) + 1):
                self.assert_breaks("pure", f"{domain}/a.cc", line)

    def test_pure_reads_code_only(self) -> None:
        self.write(
            "libs/policy/a.cc",
            '// absl::Now() is not called here\n/* nor\n getenv( */\nauto s = "time(nullptr)";\n'
            "auto c = '\"'; auto at = window.time(now_us); auto b = absl::FormatTime(t);\n",
        )
        self.assertEqual(self.rules(), [])

    def test_pure_binds_domain_libraries_only(self) -> None:
        self.write("libs/spool/a.cc", "auto t = absl::Now();\n")
        self.assertEqual(self.rules(), [])

    def test_convert_outside_its_file(self) -> None:
        self.write(
            "services/quota/service.cc",
            '#include "libs/pricing/p.h"\n#include "quotaplane/v1/quota.pb.h"\n',
        )
        self.assert_breaks("convert", "services/quota/service.cc", 2)

    def test_convert_second_pair(self) -> None:
        text = '#include "libs/policy/policy.h"\n#include "quotaplane/v1/quota.pb.h"\n'
        self.write("services/quota/a_convert.cc", text)
        self.write("services/quota/a_convert.h", text)
        self.assertEqual(self.rules(), [])
        self.write("services/quota/b_convert.cc", text)
        self.assert_breaks("convert", "services/quota/b_convert.cc", 2)

    def test_convert_through_the_own_header(self) -> None:
        self.write("services/quota/service.h", '#include "libs/policy/policy.h"\n')
        self.write("services/quota/service.cc", '#include "quotaplane/v1/quota.grpc.pb.h"\n')
        self.assertEqual(self.rules(), [])
        self.write("services/quota/service.cc", "#include <quotaplane/v1/quota.pb.h>\n")
        self.assert_breaks("convert", "services/quota/service.cc", 1)

    def test_convert_another_boundary(self) -> None:
        for name in ("quota", "ledger"):
            self.write(
                f"services/quota/{name}_convert.cc",
                f'#include "libs/policy/policy.h"\n#include "quotaplane/v1/{name}.pb.h"\n',
            )
        self.assertEqual(self.rules(), [])

    def test_length(self) -> None:
        self.write("tools/long.py", "pass\n" * 800)
        self.assertEqual(self.rules(), [])
        self.write("tools/long.py", "pass\n" * 801)
        self.assert_breaks("length", "tools/long.py", 801)

    def test_leftovers(self) -> None:
        leftovers = (
            "// TO" "DO(x): later",
            "// FIX" "ME",
            "GTEST_" "SKIP();",
            "TEST(A, DIS" "ABLED_B) {}",
        )
        self.write("libs/base/a_test.cc", "\n".join(leftovers))
        for line in range(1, len(leftovers) + 1):
            self.assert_breaks("leftover", "libs/base/a_test.cc", line)
        self.write("tools/script", "#!/bin/bash\n# FIX" "ME\n")
        self.assert_breaks("leftover", "tools/script", 2)

    def test_ignored_files_are_not_read(self) -> None:
        self.write(".gitignore", "/build/\n")
        self.write("build/a.cc", "// FIX" "ME\n")
        self.assertEqual(self.rules(), [])

    def test_the_program_reports_and_fails(self) -> None:
        self.write("libs/base/a.cc", '#include "libs/money/money.h"\n')
        program = Path(__file__).resolve().parent / "check_layers.py"
        run = subprocess.run([sys.executable, program, self.root], capture_output=True, text=True)
        self.assertEqual(run.returncode, 1)
        self.assertIn("libs/base/a.cc:1: [order] libs/money stands above libs/base", run.stdout)
        self.write("libs/base/a.cc", "")
        self.assertEqual(subprocess.run([sys.executable, program, self.root]).returncode, 0)


if __name__ == "__main__":
    unittest.main()
