/* The first fields of a numpy array, to borrow one without asking numpy: its buffer interface looks
 * up a format string for each call, which costs more than copying 20 ms of speech.
 *
 * The order of these fields is part of numpy's stable binary interface (PyArrayObject_fields), the
 * same in 1.x and 2.x, so no header of numpy is needed to build. _buffer.pyx compares them with what
 * numpy says of an array before it trusts them. */
#ifndef RTA_NDARRAY_H
#define RTA_NDARRAY_H

#include <Python.h>

typedef struct {
    PyObject_HEAD
    char *data;
    int nd;
    Py_ssize_t *dimensions, *strides;
    PyObject *base, *descr;
    int flags;
} rta_ndarray;

enum {
    RTA_NDARRAY_C_CONTIGUOUS = 0x0001,
    RTA_NDARRAY_ALIGNED = 0x0100,
    RTA_NDARRAY_WRITEABLE = 0x0400
};

/* Whether the object's type has nothing to do when a buffer is released, so that a reference is all
 * that PyBuffer_Release gives back. */
static inline int rta_releases_by_reference(PyObject *object)
{
    PyBufferProcs *procs = Py_TYPE(object)->tp_as_buffer;
    return procs != NULL && procs->bf_releasebuffer == NULL;
}

/* Whether the last access to `flags` may be made without numpy: writing to some arrays warns. */
static inline int rta_ndarray_has(const rta_ndarray *array, int flags)
{
    return (array->flags & flags) == flags && array->flags >= 0;
}

/* A buffer of one or two dimensions over an array; `format` must outlive it. */
static inline void rta_ndarray_borrow(PyObject *object, Py_ssize_t itemsize, char *format,
                                      Py_buffer *buffer)
{
    rta_ndarray *array = (rta_ndarray *)object;
    Py_INCREF(object);
    buffer->obj = object;
    buffer->buf = array->data;
    buffer->len = array->dimensions[0] * itemsize * (array->nd == 2 ? array->dimensions[1] : 1);
    buffer->itemsize = itemsize;
    buffer->readonly = !(array->flags & RTA_NDARRAY_WRITEABLE);
    buffer->ndim = array->nd;
    buffer->format = format;
    buffer->shape = array->dimensions;
    buffer->strides = NULL;
    buffer->suboffsets = NULL;
    buffer->internal = NULL;
}

#endif
