"""Where people are named: in any value of any table, whatever the key.

A string stands in a text where no word goes on beside it: ``jdoe`` in ``git@…-jdoe``,
``jdoe's group``, ``jdoe_libft``, ``jdoeX1`` and ``42jdoe``, but neither in ``ajdoe`` nor in
``jdoe-x`` or ``jdoe2``, where that is the login of somebody else. In a column that says
what the row's own person is called, it is only found as the whole value: other people in
the row may share a part of it.

``columns`` says where text can stand, ``strings`` what persons are called, ``patterns`` how
these strings are found, ``redaction`` takes them out, and ``digests`` finds them again.
"""
