# How this project declares targets.
#
#   qp_library(NAME SRCS a.cc … DEPS quotaplane::base absl::strings …)   target qp_NAME, alias quotaplane::NAME
#   qp_binary(NAME SRCS … DEPS …)                                        build/<preset>/bin/NAME
#   qp_test(NAME SRCS … DEPS … [LABELS slow concurrent …] [TIMEOUT s])   one GoogleTest binary, one ctest per case
#
# Labels: `slow` is left out by `tools/test --fast`; `concurrent` also runs under ThreadSanitizer in tools/check
# (so it must not link gRPC, which is not instrumented).

add_library(qp_options INTERFACE)
target_compile_options(qp_options INTERFACE -Wall -Wextra -Werror -fno-omit-frame-pointer)
target_include_directories(qp_options INTERFACE ${CMAKE_SOURCE_DIR})
# Asio is used without Boost and without its deprecated interfaces.
target_compile_definitions(qp_options INTERFACE ASIO_STANDALONE ASIO_NO_DEPRECATED)

set(QP_SANITIZE "" CACHE STRING "address,undefined | thread")
if(QP_SANITIZE)
  target_compile_options(qp_options INTERFACE -fsanitize=${QP_SANITIZE} -fno-sanitize-recover=all)
  target_link_options(qp_options INTERFACE -fsanitize=${QP_SANITIZE})
endif()

function(qp_library NAME)
  cmake_parse_arguments(ARG "" "" "SRCS;DEPS" ${ARGN})
  if(ARG_SRCS)
    add_library(qp_${NAME} STATIC ${ARG_SRCS})
    target_link_libraries(qp_${NAME} PUBLIC qp_options ${ARG_DEPS})
  else()
    add_library(qp_${NAME} INTERFACE)
    target_link_libraries(qp_${NAME} INTERFACE qp_options ${ARG_DEPS})
  endif()
  add_library(quotaplane::${NAME} ALIAS qp_${NAME})
endfunction()

function(qp_binary NAME)
  cmake_parse_arguments(ARG "" "" "SRCS;DEPS" ${ARGN})
  add_executable(${NAME} ${ARG_SRCS})
  target_link_libraries(${NAME} PRIVATE qp_options ${ARG_DEPS})
endfunction()

include(GoogleTest)
# Every test binary labelled `concurrent`, so that a ThreadSanitizer build compiles those alone.
add_custom_target(concurrent_tests)

function(qp_test NAME)
  cmake_parse_arguments(ARG "" "TIMEOUT" "SRCS;DEPS;LABELS" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  add_executable(${NAME} ${ARG_SRCS})
  target_link_libraries(${NAME} PRIVATE qp_options ${ARG_DEPS} GTest::gtest GTest::gmock GTest::gtest_main)
  if(QP_SANITIZE)
    # A test's own source: clang takes 2.9 s for it instead of 5.1 (seven of them, both ways), which is what counts here.
    target_compile_options(${NAME} PRIVATE -O0)
  endif()
  if("concurrent" IN_LIST ARG_LABELS)
    add_dependencies(concurrent_tests ${NAME})
  endif()
  # gtest_discover_tests drops all but the first element of a list; ctest -L matches inside "slow+concurrent".
  if(NOT ARG_LABELS)
    set(ARG_LABELS unit)
  endif()
  list(JOIN ARG_LABELS "+" labels)
  gtest_discover_tests(${NAME} TEST_PREFIX "${NAME}/" DISCOVERY_TIMEOUT 60
                       PROPERTIES TIMEOUT ${ARG_TIMEOUT} LABELS "${labels}")
endfunction()
