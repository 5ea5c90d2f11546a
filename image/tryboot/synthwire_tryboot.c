// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * When loaded, this module tells a Raspberry Pi's firmware that the next start is a trial: the boot loader then reads the
 * [tryboot] part of autoboot.txt, once. Raspberry Pi's own kernel does this for `reboot "0 tryboot"`; Debian's does not pass the
 * word on.
 *
 * The tag and its flag are those of drivers/firmware/raspberrypi.c in Raspberry Pi's kernel. -ENODEV if there is no such
 * firmware.
 */
#include <linux/module.h>
#include <linux/of.h>
#include <soc/bcm2835/raspberrypi-firmware.h>

#define SET_REBOOT_FLAGS 0x00038064
#define TRYBOOT cpu_to_le32(1)

static int __init tryboot_init(void)
{
	struct device_node *node = rpi_firmware_find_node();
	struct rpi_firmware *firmware = node ? rpi_firmware_get(node) : NULL;
	__le32 flags = TRYBOOT;
	int error;

	of_node_put(node);
	if (!firmware)
		return -ENODEV;
	error = rpi_firmware_property(firmware, SET_REBOOT_FLAGS, &flags, sizeof(flags));
	rpi_firmware_put(firmware);
	return error;
}
module_init(tryboot_init);

/* The module keeps nothing, so it may be unloaded. */
static void __exit tryboot_exit(void)
{
}
module_exit(tryboot_exit);

MODULE_DESCRIPTION("Asks a Raspberry Pi's firmware for one start on trial");
MODULE_LICENSE("Dual MIT/GPL");
