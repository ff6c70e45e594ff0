#!/usr/bin/perl
# Reads each message file named on stdin with MIME::Parser; prints what it saw as one JSON array.
use strict;
use warnings;
use Digest::MD5 qw(md5_hex);
use Encode qw(decode);
use JSON::PP;
use Mail::Address;
use MIME::Parser;
use MIME::Words qw(decode_mimewords);

sub words { my $raw = shift; $raw =~ s/\r?\n(?=[ \t])//g; $raw =~ s/\s+\z//; return decode('UTF-8', scalar decode_mimewords($raw)) }
sub leaves { my $part = shift; return $part->parts ? map { leaves($_) } $part->parts : $part }

my @seen;
while (my $path = <STDIN>) {
    chomp $path;
    next unless length $path;
    my $parser = MIME::Parser->new;
    $parser->output_to_core(1);
    $parser->tmp_to_core(1);
    my $mail = $parser->parse_open($path);
    my $head = $mail->head;
    (my $from = $head->get('From')) =~ s/\r?\n(?=[ \t])//g;
    (my $unsubscribe = $head->get('List-Unsubscribe') // '') =~ s/\r?\n(?=[ \t])//g;
    $unsubscribe =~ s/\s+\z//;
    my ($text, $html, @pictures) = ('', '');
    for my $leaf (leaves($mail)) {
        my $content = $leaf->bodyhandle->as_string;
        if ($leaf->effective_type eq 'text/plain') { $text = decode('UTF-8', $content) }
        elsif ($leaf->effective_type eq 'text/html') { $html = decode('UTF-8', $content) }
        else {
            (my $disposition = $leaf->head->mime_attr('content-disposition')) =~ s/;.*//;
            (my $cid = $leaf->head->get('Content-ID')) =~ s/\s+\z//;
            push @pictures, [$cid, $leaf->effective_type, $disposition, md5_hex($content)];
        }
    }
    push @seen, {
        subject     => words($head->get('Subject')),
        from        => [map { (my $p = words($_->phrase)) =~ s/\A"(.*)"\z/$1/s; $p =~ s/\\(.)/$1/g; [$p, $_->address] } Mail::Address->parse($from)],
        to          => [map { $_->address } Mail::Address->parse($head->get('To'))],
        text        => $text,
        html        => $html,
        unsubscribe => $unsubscribe,
        headers     => [map { lc } $head->tags],
        pictures    => \@pictures,
    };
}
binmode STDOUT;
print encode_json(\@seen);
