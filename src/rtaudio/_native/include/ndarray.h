/* The first fields of a numpy array, to borrow one without asking numpy: its buffer interface looks
 * up a format string for each call, which costs more than copying 20 ms of speech. And the function
 * behind numpy.empty, which takes half as long without the parsing of arguments.
 *
 * The order of these fields (PyArrayObject_fields) and the function's place are part of numpy's stable
 * binary interface, the same in 1.x and 2.x, so no header of numpy is needed to build. _buffer.pyx
 * compares the fields with what numpy says of an array before it trusts them; the version of the
 * interface vouches for the function. */
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

/* PyArray_NewFromDescr. It takes over the caller's reference to `descr`; `dimensions` holds `nd` of
 * them. With NULL for `strides`, `data` and `owner` and no `flags`, the array is in C order, owns its
 * memory, and has not written to it. */
typedef PyObject *(*rta_new_array)(PyTypeObject *type, PyObject *descr, int nd,
                                   const Py_ssize_t *dimensions, const Py_ssize_t *strides,
                                   void *data, int flags, PyObject *owner);

/* The function in numpy's table of functions, which `capsule` holds; NULL where that is not known. */
static inline rta_new_array rta_find_new_array(PyObject *capsule)
{
    void **table = PyCapsule_GetPointer(capsule, NULL);
    unsigned int version;
    if (table == NULL) {
        PyErr_Clear();
        return NULL;
    }
    version = ((unsigned int (*)(void))table[0])(); /* PyArray_GetNDArrayCVersion */
    return version == 0x01000009 || version == 0x02000000 ? (rta_new_array)table[94] : NULL;
}

#endif
