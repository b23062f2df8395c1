# SPDX-License-Identifier: MIT
"""Coils and mirror contacts: one, two, none; welds, dead coils, broken wires."""

from drivers.contactors import Contactors
from evcc.ports import NONE

from host_tests.drivers.parts import Pin


def test_two_coils_and_two_contacts():
    coils, contacts = (Pin(), Pin()), (Pin(0), Pin(0))
    both = Contactors(coils, contacts)
    assert both.read() == 0 and coils[0].log == []
    both.set(True)
    assert [c.level for c in coils] == [1, 1] and both.read() == 0
    contacts[0].level = 1
    assert both.read() == 0 and both.disagree  # one does not close: not closed
    contacts[1].level = 1
    assert both.read() == 1 and not both.disagree
    both.set(False)
    assert [c.level for c in coils] == [0, 0]
    contacts[0].level = 0
    assert both.read() == 1 and both.disagree  # one stays closed: a weld
    contacts[1].level = 0
    assert both.read() == 0


def test_a_broken_wire_reads_closed():
    contact = Pin(1)  # pulled up
    one = Contactors((Pin(),), (contact,))
    assert one.read() == 1


def test_the_other_level_and_no_contact():
    contact = Pin(1)
    one = Contactors((Pin(),), (contact,), closed_level=0)
    assert one.read() == 0
    contact.level = 0
    assert one.read() == 1
    assert Contactors((Pin(),)).read() == NONE
