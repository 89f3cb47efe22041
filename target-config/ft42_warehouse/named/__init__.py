"""Finds names of people in any value of any table.

A string is found in a text as a word of its own: ``jdoe`` in ``git@…-jdoe``, ``jdoe's group``,
``jdoe_libft``, ``jdoeX1`` and ``42jdoe``, but not in ``ajdoe``. It is not found in ``jdoe-x``
or ``jdoe2`` if that is the login of somebody else. In a column that names the row's own person,
it is found only as the whole value: the names of other people may share a part of it.

``columns`` lists columns with text, ``strings`` the strings that name persons, ``patterns``
says how these are found, ``redaction`` removes them, and ``digests`` finds them if they come
again.
"""
