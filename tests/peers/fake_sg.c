/*
 * An SG device that answers every SG_IO with the bytes of one file: for LD_PRELOAD, around a tool that has no
 * option to read an answer from a file. FAKE_SG_ANSWER names the answer, FAKE_SG_CDB where to keep the command.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <scsi/sg.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

int ioctl(int fd, unsigned long request, ...)
{
	int (*real)(int, unsigned long, ...) = dlsym(RTLD_NEXT, "ioctl");
	struct sg_io_hdr *io;
	void *argument;
	va_list rest;
	FILE *file;

	va_start(rest, request);
	argument = va_arg(rest, void *);
	va_end(rest);
	if (request != SG_IO)
		return real(fd, request, argument);
	io = argument;
	file = fopen(getenv("FAKE_SG_CDB"), "wb");
	if (!file || fwrite(io->cmdp, 1, io->cmd_len, file) != io->cmd_len || fclose(file))
		return -1;
	file = fopen(getenv("FAKE_SG_ANSWER"), "rb");
	if (!file)
		return -1;
	io->resid = io->dxfer_len - fread(io->dxferp, 1, io->dxfer_len, file);
	io->status = io->masked_status = io->msg_status = io->sb_len_wr = 0;
	io->host_status = io->driver_status = io->info = 0;
	fclose(file);
	return 0;
}
