#!/usr/bin/perl
# Writes src/core/bans/invisible_ranges.inc: the characters that a person does not see, or that nobody has written, by the Unicode
# character database that comes with this perl.   perl src/core/bans/invisible_ranges.pl > src/core/bans/invisible_ranges.inc
use strict;
use warnings;
use Unicode::UCD;

# Two symbols whose glyph is blank have no property that says so: BRAILLE PATTERN BLANK, MUSICAL SYMBOL NULL NOTEHEAD.
sub is_invisible {
  my ($code) = @_;
  return 1 if $code >= 0xd800 && $code <= 0xdfff || $code == 0x2800 || $code == 0x1d159;
  no warnings 'utf8';
  return 0 if $code == 0x20;
  return chr($code) =~ /[\p{Default_Ignorable_Code_Point}\p{Cc}\p{Cf}\p{Cn}\p{Co}\p{Cs}\p{Zs}\p{Zl}\p{Zp}]/;
}

my (@ranges, $first);
for my $code (0 .. 0x110000) {
  if ($code <= 0x10ffff && is_invisible($code)) {
    $first //= $code;
  } elsif (defined $first) {
    push @ranges, sprintf('{0x%x, 0x%x}', $first, $code - 1);
    undef $first;
  }
}
print "// Made by invisible_ranges.pl of Unicode ", Unicode::UCD::UnicodeVersion(), ". First and last of each range.\n";
while (my @line = splice(@ranges, 0, 7)) {
  print join(', ', @line), ",\n";
}
