/*
 * storectl: the operator's tool.  Arguments → settings → command.
 */
#include <sysexits.h>

#include "base/io.h"
#include "tool/tool.h"

int main(int argc, char **argv)
{
	struct tool_arguments arguments;
	struct config *config;
	int code;

	if (io_open_standard())
		return EX_OSERR;
	if (!tool_arguments(argc, argv, &arguments, &code))
		return code;
	config = config_start(&arguments.settings, CONFIG_TOOL, &code);
	if (config)
		code = tool_run(&arguments, config);
	config_free(config);
	tool_arguments_free(&arguments);
	return code;
}
