// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Shows the firmware's information on power and heat: each read of /sys/module/synthwire_power/parameters/throttled queries a
 * Raspberry Pi's firmware (tag GET_THROTTLED). Debian's real-time kernel lacks the driver for this (SENSORS_RASPBERRYPI_HWMON).
 *
 * Bits for the present state: 0 undervoltage, 1 clock capped, 2 slowed, 3 hot; 16 to 19 mean the same at any time since the
 * start.
 * -ENODEV if there is no such firmware.
 */
#include <linux/module.h>
#include <linux/of.h>
#include <soc/bcm2835/raspberrypi-firmware.h>

static struct rpi_firmware *firmware;

static int throttled_get(char *text, const struct kernel_param *param)
{
	/* A mask of the bits to clear: none, because later readers must see them, too. */
	__le32 bits = 0;
	int error;

	if (!firmware) /* the file appears a moment before the driver is ready */
		return -ENODEV;
	error = rpi_firmware_property(firmware, RPI_FIRMWARE_GET_THROTTLED, &bits, sizeof(bits));
	return error ? error : sysfs_emit(text, "0x%x\n", le32_to_cpu(bits));
}

static const struct kernel_param_ops throttled_ops = { .get = throttled_get };
module_param_cb(throttled, &throttled_ops, NULL, 0444);
MODULE_PARM_DESC(throttled, "What the firmware says of power and heat");

static int __init power_init(void)
{
	struct device_node *node = rpi_firmware_find_node();

	firmware = node ? rpi_firmware_get(node) : NULL;
	of_node_put(node);
	return firmware ? 0 : -ENODEV;
}
module_init(power_init);

static void __exit power_exit(void)
{
	rpi_firmware_put(firmware);
}
module_exit(power_exit);

MODULE_DESCRIPTION("Shows what a Raspberry Pi's firmware knows of power and heat");
MODULE_LICENSE("Dual MIT/GPL");
