# vedette_addon(<target> <sources...>): a Node addon, written to the top of the build folder as <target>.node.
set(VEDETTE_NODE_MODULES ${CMAKE_CURRENT_SOURCE_DIR}/../node_modules CACHE PATH "Where the N-API headers are")

function(vedette_addon target)
  add_library(${target} MODULE ${ARGN})
  target_include_directories(${target} SYSTEM PRIVATE
    ${VEDETTE_NODE_MODULES}/node-api-headers/include
    ${VEDETTE_NODE_MODULES}/node-addon-api)
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR})
  target_compile_definitions(${target} PRIVATE
    NAPI_VERSION=8 NAPI_CPP_EXCEPTIONS NODE_ADDON_API_DISABLE_DEPRECATED)
  target_link_libraries(${target} PRIVATE vedette_core)
  set_target_properties(${target} PROPERTIES
    PREFIX "" SUFFIX ".node" LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR})
endfunction()
